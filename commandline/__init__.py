"""What the `headwater` command's subcommands do, a file per kind of person: who serves, who operates, who audits."""


class Stop(Exception):
    """A reason to end the command: one sentence for a person."""
