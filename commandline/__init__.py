"""The actions of the `headwater` command's subcommands, one file per area: serving, operating, auditing."""


class Stop(Exception):
    """The end of a command by an expected error, whose text is one sentence."""
