"""Who is let in: whoever brings the token in the address, as with Jupyter, and from then on a cookie."""

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from flows.prefect_server.loopback import App, Receive, Scope, Send, headers_of, hosts_of, is_foreign, refuse

REFUSED = (
    b"<!doctype html><meta charset=utf-8><title>DFVI studio</title><p>This page needs the address that "
    b"<code>dfvi studio</code> has printed in the terminal: it holds a token that this browser does not have yet."
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFETY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def guarded(app: App, port: int, token: str) -> App:
    """Answer only who means this server, comes from no other site, and holds its token."""
    hosts, name = hosts_of(port), f"dfvi-studio-{port}"

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        headers = headers_of(scope)
        given = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if is_foreign(headers, hosts) or scope["type"] != "http":
            await refuse(scope, send, 403, b'{"error": "this address or page is not that of the studio"}')
        elif scope["path"] == "/" and _equal(given.get("token", [""])[0], token):
            await _welcome(send, name, token, given)
        elif _equal(_cookie(headers.get("cookie", ""), name), token):
            await app(scope, receive, _with_headers(send))
        elif scope["path"] == "/":
            await refuse(scope, send, 401, REFUSED, b"text/html; charset=utf-8")
        else:
            await refuse(scope, send, 401, b'{"error": "open the address that dfvi studio has printed"}')

    return guard


async def _welcome(send: Send, name: str, token: str, given: dict[str, list[str]]) -> None:
    """Turn the token of an address into a cookie, and show the page under an address without it."""
    kept = {key: values[0] for key, values in given.items() if key != "token"}
    location = "/" + (f"?{urlencode(kept)}" if kept else "")
    cookie = f"{name}={token}; Path=/; HttpOnly; SameSite=Strict"
    headers = [(b"location", location.encode()), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
    headers.append((b"referrer-policy", b"no-referrer"))
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _with_headers(send: Send) -> Send:
    async def sent(message: Scope) -> None:
        if message["type"] == "http.response.start":
            safety = [(key.encode(), value.encode()) for key, value in SAFETY.items()]
            message = {**message, "headers": [*message.get("headers", []), *safety]}
        await send(message)

    return sent


def _cookie(text: str, name: str) -> str:
    try:
        found = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())
