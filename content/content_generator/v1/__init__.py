"""The templates of version 1."""
