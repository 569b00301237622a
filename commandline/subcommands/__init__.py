"""Groups of the `headwater` command that have enough to say for a file of their own."""
