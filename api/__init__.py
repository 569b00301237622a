"""The HTTP edge: authenticates, limits, validates, makes commands and reads read models. It never decides."""
