"""What may befall an exchange on the wire, and what it makes of an answer's bytes. No I/O.

Fair is what a network and the machines in it can do to an answer that nobody forges. It may be late, cut, or made
unreadable. A byte changed inside an identifier leaves an answer that is as good as any other: only TLS notices that,
so it is not done here.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from enum import Enum

STATUSES_OF_GATEWAYS = (200, 500, 502, 503, 504)
_PAGE = b"<html><head><title>%d</title></head><body><h1>A gateway's page</h1></body></html>"


class Deed(Enum):
    """What befalls an exchange."""

    WELL = "nothing"
    LATE = "it is delivered late, perhaps when the client has given up"
    SLOW = "its answer is late, perhaps too late"
    TRICKLED = "its answer comes a few bytes at a time"
    CUT_BEFORE = "the connection is cut before it is delivered"
    CUT_AFTER = "the connection is cut before its answer"
    CUT_WITHIN = "the connection is cut in the middle of its answer"
    GATEWAY_BEFORE = "a gateway answers, and does not deliver it"
    GATEWAY_AFTER = "a gateway answers, after it was delivered"
    GARBLED = "its answer is made unreadable"


CUTS = frozenset({Deed.CUT_BEFORE, Deed.CUT_AFTER, Deed.CUT_WITHIN})
DELAYS = frozenset({Deed.LATE, Deed.SLOW, Deed.TRICKLED})
GATEWAYS = frozenset({Deed.GATEWAY_BEFORE, Deed.GATEWAY_AFTER})
TROUBLES = tuple(deed for deed in Deed if deed is not Deed.WELL)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came: the head without its last, empty line, and the body."""

    head: bytes
    body: bytes

    def whole(self) -> bytes:
        """Return all of its bytes."""
        return self.head + b"\r\n\r\n" + self.body

    def with_header(self, name: bytes, value: bytes) -> Answer:
        """Return it with this header instead of any of that name."""
        first, *lines = self.head.split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(name.lower() + b":")]
        return Answer(b"\r\n".join([first, *kept, name + b": " + value]), self.body)

    def without_header(self, name: bytes) -> Answer:
        """Return it without the headers of this name."""
        first, *lines = self.head.split(b"\r\n")
        return Answer(
            b"\r\n".join([first, *(x for x in lines if not x.lower().startswith(name.lower() + b":"))]), self.body
        )


def gateway_page(chance: random.Random) -> bytes:
    """Make a gateway's answer: a page, whatever the status."""
    status = chance.choice(STATUSES_OF_GATEWAYS)
    page = _PAGE % status
    return b"HTTP/1.1 %d Somehow\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % (status, len(page)) + page


def garbled(chance: random.Random, answer: Answer) -> tuple[str, bytes]:
    """Make an answer unreadable; return how, and its bytes."""
    ways = _WAYS if answer.body else _WAYS_OF_HEADS
    name = chance.choice(sorted(ways))
    return name, ways[name](chance, answer)


def _noise(chance: random.Random, most: int) -> bytes:
    return chance.randbytes(chance.randint(1, most))


def _status_line(chance: random.Random, answer: Answer) -> bytes:
    line, end, rest = answer.whole().partition(b"\r\n")
    at = chance.randrange(len(b"HTTP/1.1 "))
    return line[:at] + bytes([line[at] ^ 0x80]) + line[at + 1 :] + end + rest


def _before(chance: random.Random, answer: Answer) -> bytes:
    return _noise(chance, 40) + b"\r\n" + answer.whole()


def _header_line(chance: random.Random, answer: Answer) -> bytes:
    return Answer(answer.head + b"\r\n\x00" + _noise(chance, 40).replace(b"\n", b""), answer.body).whole()


def _longer(chance: random.Random, answer: Answer) -> bytes:
    return answer.with_header(b"content-length", b"%d" % (len(answer.body) + chance.randint(1, 5000))).whole()


def _shorter(chance: random.Random, answer: Answer) -> bytes:
    return answer.with_header(b"content-length", b"%d" % chance.randrange(1, len(answer.body))).whole()


def _no_length(chance: random.Random, answer: Answer) -> bytes:
    return answer.with_header(b"content-length", _noise(chance, 8).hex().encode() + b"x").whole()


def _chunks(chance: random.Random, answer: Answer) -> bytes:
    chunked = answer.without_header(b"content-length").with_header(b"transfer-encoding", b"chunked")
    return Answer(
        chunked.head, chance.choice([answer.body, b"ZZ\r\n" + answer.body, b"fffff\r\n" + answer.body])
    ).whole()


def _coding(chance: random.Random, answer: Answer) -> bytes:
    return answer.with_header(b"content-encoding", chance.choice([b"gzip", b"deflate"])).whole()


def _flipped(chance: random.Random, answer: Answer) -> bytes:
    body = bytearray(answer.body)
    while _is_json(bytes(body)):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return Answer(answer.head, bytes(body)).whole()


def _random(chance: random.Random, answer: Answer) -> bytes:
    return Answer(answer.head, b"\x00" + chance.randbytes(len(answer.body) - 1)).whole()


def _half(chance: random.Random, answer: Answer) -> bytes:
    body = answer.body[: chance.randrange(len(answer.body))]
    return Answer(answer.with_header(b"content-length", b"%d" % len(body)).head, body).whole()


_WAYS_OF_HEADS = {
    "noise before it": _before,
    "its status line": _status_line,
    "a line of its head": _header_line,
    "a length that is none": _no_length,
}
_WAYS = _WAYS_OF_HEADS | {
    "a length too large": _longer,
    "a length too small": _shorter,
    "chunks that are none": _chunks,
    "a coding that it has not": _coding,
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
