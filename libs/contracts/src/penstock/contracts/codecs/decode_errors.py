"""What is wrong with bytes that a strict decoder refused, as a refusal that never repeats the input."""

from __future__ import annotations

import json
import re

import msgspec

from penstock.contracts.input_bounds import LARGEST_NUMBER
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE
from penstock.contracts.refusals import Refusal

LONGEST_NAME = 200  # characters of an undeclared field's name that a refusal repeats
ACCEPTED_TYPES = (EVENT_TYPE, LABEL_TYPE)

_PATH = re.compile(r" - at `\$\.?(data\.)?(.*)`$", re.DOTALL)
_OUT_OF_BOUNDS = re.compile(r"Expected `float` [<>]= ")
_NAMED = re.compile(r"field `(.+?)`(?: - at `|$)", re.DOTALL)


def refusal_of(error: Exception, value: bytes) -> Refusal:
    """Why `value` is refused, which a strict msgspec decoder could not decode because of `error`.

    An empty `value` stands for one that is known to be JSON.
    """
    if isinstance(error, msgspec.ValidationError) and not _is_malformed(value):
        return _explain_mismatch(str(error))
    return _explain_syntax(value)


def _is_malformed(value: bytes) -> bool:
    """Whether the value is no JSON: the decoder stops at the first mismatch, and may not have seen what is behind."""
    try:
        msgspec.json.decode(value or b"null")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _explain_syntax(value).code == "malformed"
    except RecursionError:  # nested too deep, behind the mismatch
        pass
    return False


def _explain_mismatch(message: str) -> Refusal:
    path = _PATH.search(message)
    field = path.group(2) if path and path.group(2) else None
    attribute = field if path and not path.group(1) else None
    named = _NAMED.search(message)
    if "missing required field" in message and named:
        return Refusal("missing_field", f"the field {named.group(1)!r} is required", named.group(1))
    if "unknown field" in message and named:
        return Refusal("extra_field", "this field is not declared", named.group(1)[:LONGEST_NAME])
    if attribute == "type":
        return Refusal("unknown_schema_version", f"known types are {', '.join(ACCEPTED_TYPES)}", "type")
    if attribute == "specversion":
        return Refusal("unknown_schema_version", "expected the CloudEvents specversion 1.0", "specversion")
    if attribute == "time":
        return Refusal("bad_time", "expected an RFC 3339 time with a zone, as 2026-01-31T12:00:00Z", "time")
    if attribute == "id":
        return Refusal("bad_id", "expected an id of 1 to 512 characters", "id")
    if "Number out of range" in message or "out of range" in message:
        return Refusal("not_finite", "expected a number that a 64-bit float can hold", field)
    if "Invalid enum value" in message:
        return Refusal("unknown_category", "expected one of the declared categories", field)
    if _OUT_OF_BOUNDS.match(message):
        return Refusal("out_of_range", f"expected a number within {LARGEST_NUMBER:g} of zero", field)
    expected = re.match(r"Expected `([^`]+)`", message)
    return Refusal("wrong_type", f"expected {expected.group(1) if expected else 'another type'}", field)


def _explain_syntax(value: bytes) -> Refusal:
    """Tell numbers and text that JSON can spell but no float or text can hold from what is not JSON at all."""
    constants: list[str] = []  # NaN, Infinity or -Infinity, which Python's parser takes though JSON has none
    try:
        text = value.decode("utf-8")
        document = json.loads(text, parse_constant=constants.append)
    except (ValueError, RecursionError) as error:
        if "integer string conversion" in str(error):
            return Refusal("not_finite", "expected a number that a 64-bit float can hold")
        return Refusal("malformed", "expected one JSON document in UTF-8")
    if constants:
        return Refusal("not_finite", "NaN and Infinity are no numbers; leave the field out, or send null")
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return Refusal("bad_text", "a text holds half a surrogate pair")
    except RecursionError:
        return Refusal("malformed", "nested too deep")
    return Refusal("not_finite", "expected a number that a 64-bit float can hold")
