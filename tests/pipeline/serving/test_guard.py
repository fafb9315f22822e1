"""Who is let in: hosts, origins, tokens, sizes, and paths that lead out."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from spam_pipe.pipeline.serving.app import make_app
from spam_pipe.pipeline.serving.guard import LARGEST_BODY, Guard
from spam_pipe.pipeline.serving.session import Session
from tests.pipeline.serving.served import TOKEN, draw_photographs, opened

HERE = "http://127.0.0.1:8600"
BEARER = {"authorization": f"Bearer {TOKEN}"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    root = tmp_path_factory.mktemp("guarded")
    (root / "secret.txt").write_text("nobody's business")
    with opened(draw_photographs(root / "pictures", ("a",)), root / "outputs") as session:
        yield session


@pytest.fixture
def client(session: Session) -> TestClient:
    return TestClient(make_app(session, TOKEN, 8600), base_url=HERE, follow_redirects=False)


def test_nothing_without_the_token(client: TestClient) -> None:
    for path in ("/", "/static/main.js", "/api/session", "/api/events", "/report"):
        assert client.get(path).status_code == 401, path
    assert client.get("/api/session", headers={"authorization": "Bearer x"}).status_code == 401
    assert client.get("/api/session", headers={"cookie": "spam-pipe-8600=x"}).status_code == 401
    assert client.get("/api/session?token=" + TOKEN).status_code == 401  # the page's address alone


def test_the_address_becomes_a_cookie_that_scripts_cannot_read(client: TestClient) -> None:
    assert client.get("/?token=wrong").status_code == 401
    answer = client.get(f"/?token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8600", "127.0.0.1.evil.example", "a@127.0.0.1", "", "[::1"],
)
def test_other_names_are_not_this_server(client: TestClient, host: str) -> None:
    assert client.get("/api/session", headers={**BEARER, "host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:8600", "127.0.0.1:8600", "[::1]:8600", "localhost:99"])
def test_names_of_this_machine_are(client: TestClient, host: str) -> None:
    assert client.get("/api/session", headers={**BEARER, "host": host}).status_code == 200


def test_a_name_that_was_given_is_known() -> None:
    guard = Guard(lambda *_: None, TOKEN, 1, ("lab.example",))  # type: ignore[arg-type, return-value]
    assert guard.is_own("lab.example:1")
    assert not guard.is_own("other.example:1")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:8600"},  # another origin than the host's
        {"origin": "null"},
        {"origin": HERE, "sec-fetch-site": "cross-site"},
        {},  # a cookie alone changes nothing
    ],
)
def test_other_sites_change_nothing(client: TestClient, headers: dict[str, str]) -> None:
    client.get(f"/?token={TOKEN}")
    answer = client.post("/api/classes", json={"classes": []}, headers=headers)
    assert answer.status_code == 403


def test_the_page_itself_may(client: TestClient) -> None:
    client.get(f"/?token={TOKEN}")
    own = {"origin": HERE, "sec-fetch-site": "same-origin"}
    assert client.post("/api/classes", json={"classes": []}, headers=own).status_code == 200


def test_reading_from_another_site_is_refused(client: TestClient) -> None:
    headers = {**BEARER, "origin": "http://evil.example"}
    assert client.get("/api/session", headers=headers).status_code == 403


def test_large_requests_are_cut_off(client: TestClient) -> None:
    content = b"[" * (LARGEST_BODY + 1)
    answer = client.post("/api/classes", content=content, headers={**BEARER, **JSON})
    assert answer.status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(LARGEST_BODY // (1 << 20) + 1):
            yield b"[" * (1 << 20)

    answer = client.post("/api/classes", content=pieces(), headers={**BEARER, **JSON})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fsession.py",
        "/static//etc/passwd",
        "/api/items/..%2f..%2fsecret.txt",
        "/api/items/a",  # a name is no id
        "/api/items/%2fetc%2fpasswd/thumbnail",
        "/api/export/..%2fsecret.txt",
        "/report/../secret.txt",
    ],
)
def test_no_path_of_a_client_is_followed(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=BEARER)
    assert answer.status_code in {404, 405}
    assert b"nobody's business" not in answer.content
    assert b"import" not in answer.content


def test_every_answer_is_hardened(client: TestClient) -> None:
    for path in ("/", "/api/session", "/static/main.js", "/api/items/x"):
        for headers in ({}, BEARER):
            answer = client.get(path, headers=headers)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
