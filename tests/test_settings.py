"""What a run is told from outside, and a key that shows itself nowhere."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

import pytest

from bulk.errors import UsageError
from bulk.settings import CODAT, Settings

KEY = "s3cret"
HEADER = "Basic czNjcmV0"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (KEY, HEADER),  # the raw key
        (HEADER, HEADER),  # the ready header value
        ("basic   czNjcmV0", HEADER),  # written carelessly
        (f'  "{KEY}" \n', HEADER),  # copied with its quotes and a line break
    ],
)
def test_a_key_is_taken_in_each_of_its_forms(given: str, sent: str) -> None:
    """Users hold one or the other."""
    assert Settings.make(environ={"CODAT_API_KEY": given}).authorization.reveal() == sent


@pytest.mark.parametrize("given", ["", "  ", '""', "a\nb", "clé"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(given: str) -> None:
    """A wrong key may be half a right one."""
    with pytest.raises(UsageError) as caught:
        Settings.make(environ={"CODAT_API_KEY": given})
    assert not given.strip('" ') or given not in str(caught.value)


def test_the_key_shows_itself_nowhere() -> None:
    """Not in a repr, a text, a traceback; and it is not pickled."""
    settings = Settings.make(api_key=KEY, environ={})
    shown = f"{settings!r} {settings} {settings.authorization} {settings.authorization!r:>40}"
    try:
        raise RuntimeError(settings)
    except RuntimeError as error:
        shown += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()).split(KEY)[0]
    assert "czNjcmV0" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(settings)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.codat.io/", "https://api.codat.io"),  # a slash too many
        (" https://api.codat.io \n", "https://api.codat.io"),  # blanks about it
        ("HTTPS://API.Codat.IO", "https://api.codat.io"),  # capitals
        ("https://proxy.example.com/codat/", "https://proxy.example.com/codat"),  # behind a gateway
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),  # a stand-in
        ("http://localhost:8080/", "http://localhost:8080"),  # by name
        ("HTTP://LocalHost:8080/", "http://localhost:8080"),  # in capitals
        ("http://[::1]:8080", "http://[::1]:8080"),  # IPv6
    ],
)
def test_an_address_is_written_one_way(given: str, used: str) -> None:
    """Whether TLS is used is read from it."""
    assert Settings.make(api_key=KEY, base_url=given, environ={}).base_url == used


@pytest.mark.parametrize(
    "given",
    [
        "http://api.codat.io",  # readable for anyone on the way
        "http://localhost.example.com",  # only looks local
        "http://10.0.0.1",  # another machine
        "http://2130706433",  # loopback in disguise is not worth the doubt
        "ftp://api.codat.io",  # no HTTP
        "api.codat.io",  # no scheme
        "https://",  # no host
        "https://user:word@api.codat.io",  # with a password
        "https://api.codat.io?x=1",  # with a query
        "https://api.codat.io?",  # with an empty one
        "https://api.codat.io#top",  # with a fragment
        "https://api.codat.io:port",  # no port
        "https://api codat.io",  # a blank inside
        "https://[::1",  # half an address
        "http://127.0.0.1\\.example.com",  # a host that others read otherwise
    ],
)
def test_an_address_that_is_none_or_unsafe_is_refused(given: str) -> None:
    """Nothing was sent."""
    with pytest.raises(UsageError):
        Settings.make(api_key=KEY, base_url=given, environ={})


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"concurrency": 0}, {"timeout": 0.0}, {"timeout": float("nan")}])
def test_numbers_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    """One line says which."""
    with pytest.raises(UsageError):
        Settings.make(api_key=KEY, environ={}, **wrong)  # type: ignore[arg-type]


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is in neither has its default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODAT_API_KEY", KEY)
    monkeypatch.delenv("CODAT_BASE_URL", raising=False)
    Path(".env").write_text("CODAT_API_KEY=other\nCODAT_BASE_URL=http://localhost:1\n")
    settings = Settings.make()
    assert (settings.authorization.reveal(), settings.base_url) == (HEADER, "http://localhost:1")
    Path(".env").unlink()
    assert Settings.make().base_url == CODAT


def test_a_file_that_cannot_be_read_is_said_without_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the key."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_bytes(b"CODAT_API_KEY=\xff\xfes3cret")
    with pytest.raises(UsageError, match=r"\.env") as caught:
        Settings.make()
    assert KEY not in str(caught.value)
