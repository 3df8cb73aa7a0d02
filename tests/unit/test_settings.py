"""The settings of a run, and an API key that is never shown."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest

from bulk.errors import UsageError
from bulk.settings import CODAT, SANDBOX, Settings

KEY = "s3cret"
HEADER = "Basic czNjcmV0"


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (KEY, HEADER),  # the raw key
        (HEADER, HEADER),  # the complete header value
        ("basic   czNjcmV0", HEADER),  # in lower case, with extra blanks
        (f'  "{KEY}" \n', HEADER),  # copied with its quotes and a line break
    ],
)
def test_a_key_is_accepted_in_each_of_its_forms(key: str, header: str) -> None:
    """Users have either the raw key or the header value."""
    assert Settings.make(environ={"CODAT_API_KEY": key}).authorization.reveal() == header


@pytest.mark.parametrize("key", ["", "  ", '""', "a\nb", "clé"])
def test_an_impossible_key_is_rejected_without_being_shown(key: str) -> None:
    """A wrong key may be a part of the right one."""
    with pytest.raises(UsageError) as caught:
        Settings.make(environ={"CODAT_API_KEY": key})
    assert not key.strip('" ') or key not in str(caught.value)


def test_the_key_is_never_shown() -> None:
    """It is in no repr, text or traceback, and it cannot be pickled."""
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
    ("url", "normalized"),
    [
        ("https://api.codat.io/", "https://api.codat.io"),  # with a slash
        (" https://api.codat.io \n", "https://api.codat.io"),  # with blanks around it
        ("HTTPS://API.Codat.IO", "https://api.codat.io"),  # in capitals
        ("https://proxy.example.com/codat/", "https://proxy.example.com/codat"),  # behind a gateway
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),  # a sandbox
        ("http://localhost:8080/", "http://localhost:8080"),  # by name
        ("HTTP://LocalHost:8080/", "http://localhost:8080"),  # in capitals
        ("http://[::1]:8080", "http://[::1]:8080"),  # IPv6
    ],
)
def test_a_url_has_one_spelling(url: str, normalized: str) -> None:
    """The option and the environment accept the same URLs."""
    assert Settings.make(api_key=KEY, base_url=url, environ={}).base_url == normalized
    assert Settings.make(api_key=KEY, environ={"CODAT_BASE_URL": url}).base_url == normalized


@pytest.mark.parametrize(
    "url",
    [
        "http://api.codat.io",  # the key would be sent unencrypted
        "http://localhost.example.com",  # only looks local
        "http://10.0.0.1",  # another machine
        "http://2130706433",  # another spelling of a loopback address
        "ftp://api.codat.io",  # not HTTP
        "api.codat.io",  # without a scheme
        "https://",  # without a host
        "https://user:word@api.codat.io",  # with a password
        "https://api.codat.io?x=1",  # with a query
        "https://api.codat.io?",  # with an empty one
        "https://api.codat.io#top",  # with a fragment
        "https://api.codat.io:port",  # an impossible port
        "https://api codat.io",  # with a blank inside
        "https://[::1",  # incomplete
        "http://127.0.0.1\\.example.com",  # a host that other programs read differently
        "",
        "  ",
    ],
)
def test_an_unsafe_or_impossible_url_is_rejected(url: str) -> None:
    """An empty one never means Codat itself."""
    with pytest.raises(UsageError):
        Settings.make(api_key=KEY, base_url=url, environ={})


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"rate": 0}, "--rate must be a whole number of at least 1, not 0."),
        ({"rate": True}, "--rate must be a whole number of at least 1, not True."),
        ({"concurrency": 0}, "--concurrency must be a whole number of at least 1, not 0."),
        ({"concurrency": 1.5}, "--concurrency must be a whole number of at least 1, not 1.5."),
        ({"timeout": 0.0}, "--timeout must be a number of seconds above 0 and below one day, not 0.0."),
        ({"timeout": float("nan")}, "--timeout must be a number of seconds above 0 and below one day, not nan."),
        ({"timeout": 86_400}, "--timeout must be a number of seconds above 0 and below one day, not 86400."),
    ],
)
def test_an_impossible_number_is_rejected(option: dict[str, Any], message: str) -> None:
    """The message names the option, its bounds and the value."""
    with pytest.raises(UsageError) as caught:
        Settings.make(api_key=KEY, environ={}, **option)
    assert str(caught.value) == message


def test_a_batch_belongs_to_a_host_or_to_the_sandbox() -> None:
    """The sandbox may get another port at any time."""
    assert Settings.make(api_key=KEY, base_url="https://api.codat.io/x", environ={}).codat == "api.codat.io"
    assert Settings.make(api_key=KEY, base_url="http://127.0.0.1:8080", environ={}).codat == SANDBOX


def test_the_environment_takes_precedence_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is in neither has its default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODAT_API_KEY", KEY)
    monkeypatch.delenv("CODAT_BASE_URL", raising=False)
    Path(".env").write_text("CODAT_API_KEY=other\nCODAT_BASE_URL=http://localhost:1\n")
    settings = Settings.make()
    assert (settings.authorization.reveal(), settings.base_url) == (HEADER, "http://localhost:1")
    Path(".env").unlink()
    assert Settings.make().base_url == CODAT


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_powershell_has_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """It begins with a byte order mark."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CODAT_API_KEY", raising=False)
    Path(".env").write_bytes(f"CODAT_API_KEY={KEY}\r\n".encode(encoding))
    assert Settings.make().authorization.reveal() == HEADER


def test_an_unreadable_file_is_reported_without_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It contains the key."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_bytes(b"CODAT_API_KEY=\xff\xfes3cret")
    with pytest.raises(UsageError, match=r"\.env is not UTF-8 text\.") as caught:
        Settings.make()
    assert "s3cret" not in str(caught.value)


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a virtual environment, so it is an error only if the key is missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODAT_API_KEY", KEY)
    Path(".env").mkdir()
    assert Settings.make().authorization.reveal() == HEADER
    monkeypatch.delenv("CODAT_API_KEY")
    with pytest.raises(UsageError, match=r"here \.env is a folder"):
        Settings.make()
