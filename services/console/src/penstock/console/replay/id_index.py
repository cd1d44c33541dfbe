"""Ids by the order in which they were added: an open-addressing hash table, at a third of a dictionary's memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise

ABSENT = -1
_FEWEST = 1024  # places, a power of two


class IdIndex:
    """The slot of each id: 0 for the first that was added, then 1, and so on.

    >>> index = IdIndex()
    >>> index.add("a"), index.add("b"), index.add("a"), index.find("b"), index.find("c")
    (0, 1, 0, 1, -1)
    """

    def __init__(self) -> None:
        self._ids = bytearray()
        self._ends = array("q", [0])
        self._places = array("i", [ABSENT]) * _FEWEST

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[str]:
        """The ids, in the order of their slots."""
        return (self._ids[start:end].decode() for start, end in pairwise(self._ends))

    def find(self, name: str) -> int:
        """The slot of an id, -1 if it was not added."""
        return self._places[self._place(name)]

    def add(self, name: str) -> int:
        """The slot of an id, a new one if it was not added before."""
        place = self._place(name)
        if self._places[place] == ABSENT:
            self._places[place] = len(self)
            self._ids += name.encode()
            self._ends.append(len(self._ids))
            if 2 * len(self) > len(self._places):
                self._grow()
            return len(self) - 1
        return self._places[place]

    def _place(self, name: str) -> int:
        """Where the id is in the table, or would be."""
        mask, key = len(self._places) - 1, name.encode()
        place = hash(name) & mask
        while (slot := self._places[place]) != ABSENT and self._ids[self._ends[slot] : self._ends[slot + 1]] != key:
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
