"""Whether the quotes of a CSV file stand only around whole cells, checked while another reader reads its bytes."""

from __future__ import annotations

from typing import IO

import numpy as np

_QUOTE, _NUL = 34, 0


class IrregularQuotes(ValueError):
    """A quote, or a NUL, stands where a lenient and a strict reader would not read the same."""


class QuoteCheck:
    """A readable file that checks what is read from it.

    In a regular file quotes alternate: an opening one follows a delimiter, a line end or the closing one that it
    doubles; a closing one is followed by the like.
    """

    def __init__(self, content: IO[bytes], delimiter: str) -> None:
        self._content = content
        borders = np.zeros(256, dtype=bool)
        borders[[ord(delimiter), ord("\n"), ord("\r")]] = True
        self._opens_after = borders
        self._open = False  # whether an opening quote awaits its closing one
        self._last = ord("\n")  # the byte before what is read next
        self._pending_close = False  # whether the last byte was a closing quote
        self._first = True
        self.irregular = False
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = self._content.read(size)
        if block and not self.irregular:
            self.irregular = b"\0" in block or not self._is_regular(block)
        return block

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def close(self) -> None:
        """Leave the file to its owner."""
        self.closed = True

    def raise_irregular(self) -> None:
        """Refuse what was read.

        Raises:
            IrregularQuotes: a quote or NUL in it is not where it should be.
        """
        if self.irregular:
            raise IrregularQuotes

    def end(self) -> None:
        """Refuse a file whose last quote is not closed.

        Raises:
            IrregularQuotes: it is not.
        """
        self.raise_irregular()
        if self._open:
            raise IrregularQuotes

    def _is_regular(self, block: bytes) -> bool:
        if self._first and block.startswith(b"\xef\xbb\xbf"):
            block = block[3:]
        self._first = False
        if not block:
            return True
        values = np.frombuffer(block, dtype=np.uint8)
        if self._pending_close and not (self._opens_after[values[0]] or values[0] == _QUOTE):
            return False
        quotes = np.flatnonzero(values == _QUOTE)
        padded = np.concatenate(([np.uint8(self._last)], values, [np.uint8(ord("\n"))]))
        opening = quotes[self._open :: 2]
        closing = quotes[1 - self._open :: 2]
        neighbours = np.concatenate((padded[opening], padded[closing + 2]))  # before and after
        regular = bool((self._opens_after[neighbours] | (neighbours == _QUOTE)).all())
        self._open = bool((len(quotes) + self._open) % 2)
        self._last = int(values[-1])
        self._pending_close = not self._open and self._last == _QUOTE
        return regular
