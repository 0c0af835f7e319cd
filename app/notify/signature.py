"""The signature of a notice: what a receiver checks before believing one (docs/notices.md)."""

from __future__ import annotations

import hashlib
import hmac


def sign(secret: str, *, timestamp: str, body: bytes) -> str:
    """Return ``v1=`` and the HMAC-SHA256 (RFC 2104) of ``timestamp.body`` in hexadecimal.

    Parameters
    ----------
    timestamp : whole seconds since 1970 when the notice is handed over, inside the signature
        so that a recorded notice cannot be played again much later
    """
    message = timestamp.encode("ascii") + b"." + body
    return f"v1={hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}"
