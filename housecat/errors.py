"""What a user can put right."""


class UsageError(Exception):
    """The command cannot be carried out as given; the message is one line: what is wrong, where, and what to do."""
