"""Answers that the server gave over HTTP before the event came to the log: only those with its seal are accepted."""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.artifacts.seal import Seal
from penstock.contracts.codecs.sealed_answer import decode_answer, sealed_message, split_answer
from penstock.contracts.records.events import Event
from penstock.contracts.refusals import Refusal


def forged_answer(seal: Seal | None, stream: str, event: Event[Any]) -> Refusal | None:
    """The refusal of an event whose `answer` is not one that a server sealed for it, else None."""
    if isinstance(event.answer, msgspec.UnsetType) or _is_genuine(seal, stream, event, event.answer):
        return None
    detail = "the answer does not bear this deployment's seal; leave the attribute out"
    return Refusal("forged_answer", detail, "answer", kind="event", source=event.source, id=event.id)


def _is_genuine(seal: Seal | None, stream: str, event: Event[Any], answer: str) -> bool:
    mac, text = split_answer(answer)
    if seal is None or not seal.verify(sealed_message(stream, event.source, event.id, text), mac):
        return False
    try:
        decode_answer(text)
    except msgspec.MsgspecError:
        return False
    return True
