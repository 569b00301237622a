"""Signing the guest book, and thanking the author."""
