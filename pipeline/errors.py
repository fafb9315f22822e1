"""Errors that a user can act on: one line that names the thing and the cure."""

import re

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


_WORDS = (
    (r"Value error, ", ""),
    (
        r"Input should be a valid integer.*|Unable to parse input string as an int.*",
        "write a whole number",
    ),
    (r"Input should be a (valid|finite) number.*", "write a number"),
    (r"Input should be a valid boolean.*", "write true or false"),
    (r"Input should be a valid string.*", "write a text"),
    (r"Input should be a valid (tuple|list|array|set).*", "write a list such as [1, 2]"),
    (r"Input should be a valid (dictionary|mapping).*", "is a table of options, not one value"),
    (r"Input (is not a|should be a) valid path.*|Input is not a valid path.*", "write a path"),
    (r"Input should be greater than or equal to (.*)", r"write at least \1"),
    (r"Input should be less than or equal to (.*)", r"write at most \1"),
    (r"Input should be greater than (.*)", r"write more than \1"),
    (r"Input should be less than (.*)", r"write less than \1"),
    (r"Input should be (.*)", r"write \1"),
)
"""What the library that checks values says, and what we say."""


def plain_words(message: str) -> str:
    """Return why a value is refused in our words instead of those of the library that checks it."""
    for theirs, ours in _WORDS:
        if found := re.match(theirs, message):
            return found.expand(ours) + message[found.end() :]
    return message


class UserError(Exception):
    """A command cannot go on; its message is all that the user sees. Exit status 2."""


class ConfigError(UserError):
    """An option or configuration file says something that cannot be."""


class DataError(UserError):
    """A file or dataset cannot be used; inside a batch it fails that item alone."""
