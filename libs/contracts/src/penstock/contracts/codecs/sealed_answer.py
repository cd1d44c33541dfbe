"""An answer given over HTTP as it travels on its event, so that the server records it instead of answering again.

The event's `answer` attribute is `<MAC>.<text>`: the text of the answer, and a MAC that proves that a server wrote it.
"""

from __future__ import annotations

import msgspec

from penstock.contracts.records.predictions import PredictionData


def encode_answer(answer: PredictionData) -> str:
    """The text of an answer, before it is sealed."""
    return msgspec.json.encode(answer).decode()


def decode_answer(text: str) -> PredictionData:
    """The answer in `text`.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: `text` is not an answer.
    """
    return msgspec.json.decode(text, type=PredictionData)


def sealed_message(stream: str, source: str, event_id: str, text: str) -> bytes:
    """The message that the MAC covers: the answer's text, and the event that it belongs to."""
    return "\x1f".join((stream, source, event_id, text)).encode()


def join_answer(mac: str, text: str) -> str:
    """An event's `answer` attribute, made of the MAC and the answer's text."""
    return f"{mac}.{text}"


def split_answer(answer: str) -> tuple[str, str]:
    """The MAC and the text of an `answer` attribute; the text is empty where there is no MAC."""
    mac, _, text = answer.partition(".")
    return mac, text
