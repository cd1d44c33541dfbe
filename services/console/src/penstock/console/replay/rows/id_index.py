"""Ids in the order in which they were added, in one piece of memory, and an index of them: an open-addressing hash
table, at a third of a dictionary's memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

ABSENT = -1
UUID_LENGTH, UUID_DIGITS = 36, 32  # characters
_FEWEST = 1024  # places, a power of two


_UUID = b"\xff"  # begins the 17 bytes of a UUID; no text in UTF-8 begins so


def packed(name: str) -> bytes:
    """An id as bytes: a UUID in its usual form in 17, any other text in UTF-8.

    >>> len(packed("088f51a4-8f34-5fda-8803-92dee7e3d791")), packed("row-1")
    (17, b'row-1')
    """
    digits = name.replace("-", "") if len(name) == UUID_LENGTH and name[8] == name[13] == name[18] == name[23] else ""
    if len(digits) == UUID_DIGITS and digits.islower():
        with suppress(ValueError):
            content = bytes.fromhex(digits)  # which passes over spaces
            return _UUID + content if 2 * len(content) == UUID_DIGITS else name.encode()
    return name.encode()


def unpacked(content: bytes) -> str:
    """The id of these bytes."""
    if not content.startswith(_UUID):
        return content.decode()
    digits = content[1:].hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class IdColumn:
    """Ids in order, each at its number.

    >>> column = IdColumn()
    >>> column.append("a"), column.append("bc"), list(column), column.holds(1, packed("bc"))
    (None, None, ['a', 'bc'], True)
    """

    def __init__(self) -> None:
        self._ids = bytearray()
        self._ends = array("q", [0])

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[str]:
        """The ids, in order."""
        return (unpacked(bytes(self._ids[start:end])) for start, end in pairwise(self._ends))

    def append(self, name: str) -> None:
        """Add an id."""
        self._ids += packed(name)
        self._ends.append(len(self._ids))

    def holds(self, number: int, name: bytes) -> bool:
        """Whether the id at a number is this one, as `packed` has it."""
        return self._ids[self._ends[number] : self._ends[number + 1]] == name


class IdIndex:
    """The slot of each id: 0 for the first that was added, then 1, and so on.

    >>> index = IdIndex()
    >>> index.add("a"), index.add("b"), index.add("a"), index.find("b"), index.find("c")
    (0, 1, 0, 1, -1)
    """

    def __init__(self) -> None:
        self._ids = IdColumn()
        self._places = array("i", [ABSENT]) * _FEWEST

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        """The ids, in the order of their slots."""
        return iter(self._ids)

    def find(self, name: str) -> int:
        """The slot of an id, -1 if it was not added."""
        return self._places[self._place(name)]

    def add(self, name: str) -> int:
        """The slot of an id, a new one if it was not added before."""
        place = self._place(name)
        if self._places[place] == ABSENT:
            self._places[place] = len(self)
            self._ids.append(name)
            if 2 * len(self) > len(self._places):
                self._grow()
            return len(self) - 1
        return self._places[place]

    def _place(self, name: str) -> int:
        """Where the id is in the table, or would be."""
        mask, key = len(self._places) - 1, packed(name)
        place = hash(name) & mask
        while (slot := self._places[place]) != ABSENT and not self._ids.holds(slot, key):
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        self._places = array("i", [ABSENT]) * (2 * len(self._places))
        mask = len(self._places) - 1
        for slot, name in enumerate(self):
            place = hash(name) & mask
            while self._places[place] != ABSENT:
                place = (place + 1) & mask
            self._places[place] = slot
