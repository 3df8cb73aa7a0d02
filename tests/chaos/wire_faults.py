"""The faults that may happen to an exchange on the wire, and to the bytes of a response. No I/O.

A fault is fair if a network, and the machines in it, can cause it without forging: a response may be late, cut, or
made unreadable. A byte changed inside an identifier leaves a response that is as good as any other. Only TLS notices
that, so no fault here does it.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from enum import Enum

GATEWAY_STATUSES = (200, 500, 502, 503, 504)
_PAGE = b"<html><head><title>%d</title></head><body><h1>A gateway's page</h1></body></html>"


class WireFault(Enum):
    """The fault of one exchange."""

    NONE = "nothing"
    LATE = "the request arrives late, perhaps after the client has given up"
    SLOW = "the response is late, perhaps too late"
    TRICKLED = "the response comes a few bytes at a time"
    CUT_BEFORE = "the connection is cut before the request arrives"
    CUT_AFTER = "the connection is cut before the response"
    CUT_WITHIN = "the connection is cut in the middle of the response"
    GATEWAY_BEFORE = "a gateway responds; the request does not arrive"
    GATEWAY_AFTER = "a gateway responds after the request has arrived"
    CORRUPTED = "the response is made unreadable"


CUTS = frozenset({WireFault.CUT_BEFORE, WireFault.CUT_AFTER, WireFault.CUT_WITHIN})
DELAYS = frozenset({WireFault.LATE, WireFault.SLOW, WireFault.TRICKLED})
GATEWAYS = frozenset({WireFault.GATEWAY_BEFORE, WireFault.GATEWAY_AFTER})
HARMLESS = frozenset({WireFault.NONE, WireFault.TRICKLED})
FAULTS = tuple(fault for fault in WireFault if fault is not WireFault.NONE)


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response: the head without its last, empty line, and the body."""

    head: bytes
    body: bytes

    def whole(self) -> bytes:
        """Return all of its bytes."""
        return self.head + b"\r\n\r\n" + self.body

    def with_header(self, name: bytes, value: bytes) -> Message:
        """Return it with this header in place of any of that name."""
        return Message(self.without_header(name).head + b"\r\n" + name + b": " + value, self.body)

    def without_header(self, name: bytes) -> Message:
        """Return it without the headers of this name."""
        first, *lines = self.head.split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(name.lower() + b":")]
        return Message(b"\r\n".join([first, *kept]), self.body)


def gateway_page(rng: random.Random) -> bytes:
    """Return the response of a gateway: a page, with any status."""
    status = rng.choice(GATEWAY_STATUSES)
    page = _PAGE % status
    return b"HTTP/1.1 %d Somehow\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % (status, len(page)) + page


def corrupted(rng: random.Random, response: Message) -> tuple[str, bytes]:
    """Make a response unreadable; return how, and its bytes."""
    corruptions = _CORRUPTIONS if response.body else _OF_THE_HEAD
    name = rng.choice(sorted(corruptions))
    return name, corruptions[name](rng, response)


def _noise(rng: random.Random, size: int) -> bytes:
    return rng.randbytes(rng.randint(1, size))


def _status_line(rng: random.Random, response: Message) -> bytes:
    line, end, rest = response.whole().partition(b"\r\n")
    at = rng.randrange(len(b"HTTP/1.1 "))
    return line[:at] + bytes([line[at] ^ 0x80]) + line[at + 1 :] + end + rest


def _before(rng: random.Random, response: Message) -> bytes:
    return _noise(rng, 40) + b"\r\n" + response.whole()


def _header_line(rng: random.Random, response: Message) -> bytes:
    return Message(response.head + b"\r\n\x00" + _noise(rng, 40).replace(b"\n", b""), response.body).whole()


def _longer(rng: random.Random, response: Message) -> bytes:
    return response.with_header(b"content-length", b"%d" % (len(response.body) + rng.randint(1, 5000))).whole()


def _shorter(rng: random.Random, response: Message) -> bytes:
    return response.with_header(b"content-length", b"%d" % rng.randrange(1, len(response.body))).whole()


def _no_length(rng: random.Random, response: Message) -> bytes:
    return response.with_header(b"content-length", _noise(rng, 8).hex().encode() + b"x").whole()


def _chunks(rng: random.Random, response: Message) -> bytes:
    chunked = response.without_header(b"content-length").with_header(b"transfer-encoding", b"chunked")
    sizes = rng.choice([b"", b"ZZ\r\n", b"fffff\r\n"])
    return Message(chunked.head, sizes + response.body).whole()


def _coding(rng: random.Random, response: Message) -> bytes:
    return response.with_header(b"content-encoding", rng.choice([b"gzip", b"deflate"])).whole()


def _flipped(rng: random.Random, response: Message) -> bytes:
    body = bytearray(response.body)
    while _is_json(bytes(body)):
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return Message(response.head, bytes(body)).whole()


def _random(rng: random.Random, response: Message) -> bytes:
    return Message(response.head, b"\x00" + rng.randbytes(len(response.body) - 1)).whole()


def _half(rng: random.Random, response: Message) -> bytes:
    body = response.body[: rng.randrange(len(response.body))]
    return Message(response.with_header(b"content-length", b"%d" % len(body)).head, body).whole()


_OF_THE_HEAD = {
    "noise before it": _before,
    "its status line": _status_line,
    "a line of its head": _header_line,
    "an invalid length": _no_length,
}
_CORRUPTIONS = _OF_THE_HEAD | {
    "a length that is too large": _longer,
    "a length that is too small": _shorter,
    "invalid chunks": _chunks,
    "a coding that it does not have": _coding,
    "flipped bits": _flipped,
    "random bytes": _random,
    "half of it": _half,
}


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
