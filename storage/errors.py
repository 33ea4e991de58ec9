"""Errors of storage. Each message is one line: what was expected, what came, what to do."""


class InputError(ValueError):
    """What the user gave cannot be used: a file, a folder, a mask, a range. The command line ends with exit code 2."""
