"""The form under which a person signs a command: who, why, its idempotency key, and what epoch the page told of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.requests import Request

LARGEST_FORM = 400_000  # bytes: the longest text of a record in escapes
MOST_FIELDS = 100
LONGEST_REASON = 1000

_ACTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}")
_KEY = re.compile(r"[0-9a-f]{32}")


class BadForm(Exception):
    """What was sent is no form of the console's."""


@dataclass(frozen=True)
class CommandForm:
    """What was typed; `errors` say what is wrong by field, and nothing is sent while there are some."""

    actor: str = ""
    reason: str = ""
    key: str = field(default_factory=lambda: uuid4().hex)
    epoch: int | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


def signed_form(fields: Mapping[str, str]) -> CommandForm:
    """The form that these fields are.

    Raises:
        BadForm: what the page itself had put in is not there.

    >>> signed_form({"actor": "a b", "reason": "", "key": "0" * 32, "epoch": "3"}).errors["reason"]
    'Say why: the audit log keeps it.'
    """
    actor, reason = fields.get("actor", "").strip(), fields.get("reason", "").strip()
    key, epoch = fields.get("key", ""), fields.get("epoch", "")
    if not _KEY.fullmatch(key) or not re.fullmatch(r"\d{1,9}", epoch):
        raise BadForm("What was sent is no form of the console's: open the page anew.")
    errors = {}
    if not _ACTOR.fullmatch(actor):
        errors["actor"] = (
            "Say who you are in letters, digits and _ . @ + - without spaces, at most 100 of them,"
            " beginning with a letter or digit."
        )
    if not reason:
        errors["reason"] = "Say why: the audit log keeps it."
    elif len(reason) > LONGEST_REASON:
        errors["reason"] = f"At most {LONGEST_REASON:,} characters; these are {len(reason):,}."
    return CommandForm(actor, reason, key, int(epoch), errors)


async def read_fields(request: Request) -> dict[str, str]:
    """The fields of a form that a browser sent, each once.

    Raises:
        BadForm: it is too large, or no form.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_FORM:
            raise BadForm(f"The form is larger than {LARGEST_FORM // 1000} kB.")
    try:
        pairs = parse_qs(content.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise BadForm("What was sent is no form of the console's: open the page anew.") from error
    return {name: values[-1] for name, values in pairs.items()}
