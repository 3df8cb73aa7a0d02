"""The signature of an event: Svix's, which became standard-webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the signing key: the base64 text after `whsec_`, decoded.

    Raises ValueError, whose message does not repeat the secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not key:
        raise ValueError("a secret is whsec_ and base64")
    return key


def signed_headers(key: bytes, *, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the three webhook headers for a raw body. `seconds` is the time of sending, since 1970."""
    content = f"{message_id}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": f"v1,{signature}"}
