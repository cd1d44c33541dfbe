"""All exceptions of the client. Each says what happened, where, and what to do."""

from __future__ import annotations

from penstock.client.receipts import Receipt


class PenstockError(Exception):
    """The client cannot do what it was asked to; `receipt` says how far it came with rows that it was sending."""

    receipt: Receipt | None = None


class Refused(PenstockError):
    """A service refused a request, or the only record of one: it will refuse it again.

    `code` is for programs, `field` is the part of the request at fault if it is one, `status` is that of HTTP.
    """

    def __init__(self, where: str, status: int, code: str, detail: str, field: str | None = None) -> None:
        about = f", {field}" if field else ""
        super().__init__(f"{where}: {detail} ({status} {code}{about})")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


class Unavailable(PenstockError):
    """A service did not answer, or could not do its work, for as long as the client was told to try again."""
