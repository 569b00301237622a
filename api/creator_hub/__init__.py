"""The creator-hub surface over HTTP."""
