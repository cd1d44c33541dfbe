"""The signature of Standard Webhooks: who has the secret knows that it was us, and when.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac

PREFIX = "whsec_"


class BadSecret(ValueError):
    """What is in the environment variable is no secret of a webhook."""


def secret_key(secret: str) -> bytes:
    """The key of a secret as the standard writes it.

    Raises:
        BadSecret: it is written otherwise, or is of fewer than 24 or more than 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise BadSecret(
            f"expected {PREFIX} and 24 to 64 bytes in base64, such as: echo {PREFIX}$(openssl rand -base64 32)"
        )
    return key


def signed_headers(key: bytes, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a message that is sent at `seconds` since 1970; its id is the same however often it is sent."""
    content = b"%s.%d.%s" % (message_id.encode(), seconds, body)
    signature = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": f"v1,{signature}"}
