"""The communication surface: the paths, bodies and statuses of its document, over commands and read models."""
