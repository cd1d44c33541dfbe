"""Values of tensors in binary, behind the JSON of a request or response: little-endian, one after the other.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from struct import pack, unpack_from
from typing import Any, Literal

import numpy as np

Datatype = Literal[
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64", "BYTES"
]

INTEGERS: Mapping[str, str] = {
    f"{sign}INT{bits}": f"<{kind}{bits // 8}" for sign, kind in (("", "i"), ("U", "u")) for bits in (8, 16, 32, 64)
}
FLOATS: Mapping[str, str] = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
_LENGTH_BYTES = 4  # before each text


def decode_values(datatype: Datatype, data: bytes) -> list[Any]:
    """The values of a tensor, NaN as None: a value that is missing.

    >>> decode_values("BYTES", bytes([1, 0, 0, 0]) + b"n")
    ['n']

    Raises:
        ValueError: the bytes are no values of the datatype.
    """
    if datatype == "BYTES":
        return _decode_texts(data)
    if datatype == "BOOL":
        return [bool(value) for value in data]
    values: list[Any] = np.frombuffer(data, FLOATS.get(datatype) or INTEGERS[datatype]).tolist()
    return [None if math.isnan(value) else value for value in values] if datatype in FLOATS else values


def encode_values(datatype: Datatype, values: Sequence[Any]) -> bytes:
    """The values of a tensor as bytes.

    >>> list(encode_values("BYTES", ["n"]))
    [1, 0, 0, 0, 110]
    """
    if datatype == "BYTES":
        return b"".join(pack("<I", len(text)) + text for text in (value.encode() for value in values))
    return np.array(values, FLOATS.get(datatype) or INTEGERS[datatype]).tobytes()


def _decode_texts(data: bytes) -> list[str]:
    texts, position = [], 0
    while position < len(data):
        start = position + _LENGTH_BYTES
        if start > len(data):
            raise ValueError("the length of a text is cut off")
        position = start + unpack_from("<I", data, position)[0]
        if position > len(data):
            raise ValueError("a text is cut off")
        texts.append(data[start:position].decode())
    return texts
