"""Streamed answers: server-sent events, and the watch on a read model's head that feeds them."""
