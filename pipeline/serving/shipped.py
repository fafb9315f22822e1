"""The page's own files, from memory: a browser asks for two dozen of them at once."""

from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response

STATIC = Path(__file__).with_name("static")

_KINDS = {
    ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
}  # fmt: skip
"""Not the system's: some call a script plain text, and browsers then run none."""


@lru_cache(maxsize=1)
def _files() -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in STATIC.iterdir() if each.suffix in _KINDS}


def shipped(name: str) -> Response:
    """Return a file of the page; HTTPException where there is none of that name."""
    content = _files().get(name)
    if content is None:
        raise HTTPException(404, "the page has no such file")
    return Response(content, media_type=_KINDS[Path(name).suffix])
