"""Errors that a user can act on: one line that names the thing and the cure."""

_LONGEST = 1000
"""Characters that a message is cut to: whole files have ended up in one."""


def one_line(text: object) -> str:
    """Return a text, a message most often, fit for a terminal and a table's cell.

    White space becomes single spaces; what a terminal would take for a command, or cannot show,
    is written as an escape; the middle of what is very long is left out.
    """
    line = " ".join(str(text).split())
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"
    return printable(line)


def printable(text: str) -> str:
    """Return a text without what a terminal would take for a command; lines stay lines."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()
        for char in text
    )


class UserError(Exception):
    """A command cannot go on; its message is all that the user sees. Exit status 2."""


class ConfigError(UserError):
    """An option or configuration file says something that cannot be."""


class DataError(UserError):
    """A file or dataset cannot be used; inside a batch it fails that item alone."""
