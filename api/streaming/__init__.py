"""Answers that go on for as long as their client listens: a watch on a read model's head, server-sent events."""
