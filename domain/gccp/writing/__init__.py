"""Courses written by stated rules, for an installation without a language model. Pure."""
