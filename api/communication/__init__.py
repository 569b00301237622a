"""The communication surface: the endpoints of its document, over commands and read models."""
