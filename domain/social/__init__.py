"""Text as social networks count it."""
