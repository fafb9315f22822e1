"""Who may ask the server for what: names of hosts, origins, the token, sizes of requests.

The server listens on this machine, where every page that a browser shows can reach it. So a
request passes only if (1) its `Host` is this machine's name or a number, which no DNS rebinding
can be; (2) it comes from the page itself, as `Origin` and `Sec-Fetch-Site` say; (3) it carries
the token, in a cookie that scripts cannot read or as `Authorization: Bearer`; (4) its body is
small enough.
"""

import ipaddress
import secrets
from collections.abc import Collection
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 16 << 20
"""Bytes of a request: the runs of a region of a hundred megapixels take a few."""

_SAFE = frozenset({"GET", "HEAD"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class TooLargeError(Exception):
    """A request's body has more bytes than are taken."""


def new_token() -> str:
    """Return a token of 192 random bits."""
    return secrets.token_urlsafe(24)


class Guard:
    """ASGI middleware that lets through what this server's own page asks for.

    Parameters
    ----------
    app
        What is guarded.
    token
        What every request carries.
    port
        Where the server listens: part of the cookie's name, as cookies know no ports.
    names
        Host names that are this server's, beside ``localhost`` and addresses in numbers.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, names: Collection[str] = ()) -> None:
        self.app = app
        self.token = token
        self.cookie = f"spam-pipe-{port}"
        self.names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused, pass on the rest."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there are no web sockets here
        request = Request(scope)
        refusal = self.refusal(request)
        if refusal is not None:
            await _hardened(refusal, send)(scope, receive, send)
            return
        await _Limited(self.app, receive, send)(scope)

    def refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that does not pass; None to one that does."""
        host = request.headers.get("host", "")
        if not self.is_own(host):
            return _refuse(403, "this server is not called that; open the address it printed")
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() != f"{request.url.scheme}://{host.lower()}":
            return _refuse(403, "requests of other sites are refused")
        site = request.headers.get("sec-fetch-site", "same-origin")
        if request.method not in _SAFE:
            if origin is None and "authorization" not in request.headers:
                return _refuse(403, "a change needs an Origin")
            if site != "same-origin":
                return _refuse(403, "requests of other sites are refused")
        given = request.query_params.get("token")
        if given is not None and request.url.path == "/" and request.method == "GET":
            return self._enter(given)
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        carried = bearer if kind.lower() == "bearer" else request.cookies.get(self.cookie, "")
        if not self._fits(carried):
            return _refuse(
                401, "the token is missing or of an earlier start; open the address it printed"
            )
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return _refuse(413, f"at most {LARGEST_BODY} bytes are taken")
        return None

    def is_own(self, host: str) -> bool:
        """Say whether a `Host` header names this server: localhost, an address, a known name."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            _ = urlsplit(f"//{host}").port
        except ValueError:
            return False
        if "@" in host or "/" in host:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names
        return True

    def _enter(self, given: str) -> Response:
        """Exchange the address's token for a cookie, so that it stays in no history."""
        if not self._fits(given):
            return _refuse(401, "the token is wrong; open the address that was printed")
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def _fits(self, given: str) -> bool:
        return compare_digest(given.encode(), self.token.encode())


class _Limited:
    """An app whose request is cut off at `LARGEST_BODY` and whose answer bears our headers."""

    def __init__(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        self.app, self.receive, self.send = app, receive, send
        self.taken = 0

    async def __call__(self, scope: Scope) -> None:
        await self.app(scope, self.counted, _with_headers(self.send))

    async def counted(self) -> Message:
        """Receive, counting: a request may come in pieces and say no length."""
        message = await self.receive()
        self.taken += len(message.get("body", b""))
        if self.taken > LARGEST_BODY:
            raise TooLargeError
        return message


def _refuse(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status)


def _hardened(answer: Response, send: Send) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, _: Send) -> None:
        await answer(scope, receive, _with_headers(send))

    return app


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
