"""Errors that a user can act on: one line that names the thing and the cure."""


class UserError(Exception):
    """A command cannot go on; its message is all that the user sees. Exit status 2."""


class ConfigError(UserError):
    """An option or configuration file says something that cannot be."""


class DataError(UserError):
    """A file or dataset cannot be used; inside a batch it fails that item alone."""
