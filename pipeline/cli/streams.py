"""What is printed: in whatever encoding, and errors in one line."""

import codecs
import json
import re
import sys
from typing import TextIO

from spam_pipe.pipeline.errors import one_line, plain_words

_PLAIN = {
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "×": "x",
    "±": "+-",
    "≥": ">=",
    "≤": "<=",
    "→": "->",
    "·": ".",
    "●": "*",
    "²": "2",
}
"""Typographic signs of ours, in letters that every encoding has."""

_HANDLER = "spam-pipe"


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    refused = error.object[error.start : error.end]
    letters = [_PLAIN.get(each) or ascii(each)[1:-1] for each in refused]
    return "".join(letters), error.end


def print_anything() -> None:
    """Have both streams write what their encoding lacks in plain letters, or as an escape."""
    codecs.register_error(_HANDLER, _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors=_HANDLER)


def tell_error(message: object, status: int, *, as_json: bool) -> int:
    """Print the one line of an error, or JSON for programs; return the exit status."""
    line = one_line(message)
    if as_json:
        print(json.dumps({"error": line, "status": status}))
    else:
        _print_red("error: ", line, sys.stderr)
    return status


def usage_line(error: Exception) -> str:
    """Return what the parser refuses, in one line of our words."""
    message = str(getattr(error, "message", error))
    named = re.match(r"Invalid value for (.+?): (.*)", error.format_message(), re.DOTALL)  # type: ignore[attr-defined]
    text = error.format_message() if named is None else ""  # type: ignore[attr-defined]
    if named is not None:
        text = f"{named[1].replace(chr(39), '')}: {plain_words(message)}"
    context = getattr(error, "ctx", None)
    command = "spam-pipe" if context is None else context.command_path
    return f"{text.rstrip('.')}; `{command} --help` shows what there is"


def _print_red(head: str, line: str, stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, markup=False, highlight=False)
    console.print(Text.assemble((head, "bold red"), line), soft_wrap=True)
