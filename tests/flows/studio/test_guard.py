"""Whom the studio answers: the token brings a cookie, and only our own pages count."""

import asyncio

import pytest

from flows.studio.guard import guarded

PORT, TOKEN = 4321, "the-token"
HOST = {"host": "127.0.0.1:4321"}
COOKIE = {"cookie": f"dfvi-studio-{PORT}={TOKEN}"}


def ask(path="/", query="", kind="http", **headers):
    """Status and headers of the answer; 200 where the request is let through."""
    said = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        said.append(message)

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "path": path, "query_string": query.encode(), "headers": given}
    asyncio.run(guarded(app, PORT, TOKEN)(scope, None, send))
    first = said[0]
    return first.get("status", first.get("code")), {k.decode(): v.decode() for k, v in first.get("headers", [])}


def test_the_token_becomes_a_cookie_for_this_site_alone_and_leaves_the_address():
    status, headers = ask(query=f"token={TOKEN}&video=a%26b.mp4", **HOST)
    assert (status, headers["location"]) == (303, "/?video=a%26b.mp4")
    assert headers["set-cookie"] == f"dfvi-studio-{PORT}={TOKEN}; Path=/; HttpOnly; SameSite=Strict"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (COOKIE | HOST, 200),
        (COOKIE | HOST | {"origin": "http://127.0.0.1:4321"}, 200),
        (COOKIE | {"host": "localhost:4321"}, 200),
        (HOST, 401),
        (HOST | {"cookie": f"dfvi-studio-{PORT}=wrong"}, 401),
        (HOST | {"cookie": f"other={TOKEN}"}, 401),
        (HOST | {"query": "token=wrong"}, 401),
        (HOST | {"query": f"token={TOKEN}", "path": "/api/files"}, 401),
        (COOKIE | {"host": "evil.example:4321"}, 403),
        (COOKIE | {"host": "127.0.0.1"}, 403),
        (COOKIE | HOST | {"origin": "http://evil.example"}, 403),
        (COOKIE | HOST | {"origin": "http://127.0.0.1:9999"}, 403),
        (COOKIE | HOST | {"origin": "null"}, 403),
        (COOKIE | HOST | {"kind": "websocket"}, 1008),
        ({"host": "evil.example:4321", "query": f"token={TOKEN}"}, 403),
    ],
)
def test_it_answers_only_who_means_it_comes_from_no_other_site_and_holds_its_token(request_, status):
    assert ask(**{"path": "/api/files"} | request_ if "query" not in request_ else request_)[0] == status


def test_pages_may_load_nothing_from_elsewhere_and_are_framed_by_nobody():
    _, headers = ask(**COOKIE, **HOST)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
