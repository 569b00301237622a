"""The guestbook surface: entries are signed and read."""
