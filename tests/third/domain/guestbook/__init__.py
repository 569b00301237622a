"""A guest book: entries that people sign, each thanked by a text message."""
