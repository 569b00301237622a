"""The larger groups of the `headwater` command, one file each."""
