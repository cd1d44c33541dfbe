"""What is to be looked at again when event time has moved on: a queue in the state, its front in memory."""

from __future__ import annotations

import heapq
import struct
from bisect import insort
from collections import defaultdict
from collections.abc import Iterator

from penstock.bus.state.state import State

_PREFIX = b"x"
_SPAN_BITS = 26  # a bucket spans 2**26 microseconds, 67 seconds of event time
_PLACE = struct.Struct(">qI")  # bucket, number of the chunk
_ITEM = struct.Struct(">q16s")  # event time, event key

Item = tuple[int, bytes]


class Deadlines:
    """Event keys by time in microseconds, taken out in order of (time, key).

    Items lie in the state by bucket of time, one chunk for each batch that added some; in memory are the number of
    chunks of each bucket and the items of the earliest ones. After a reopening an item may be taken out again.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._chunks: dict[int, int] = defaultdict(int)
        for key, _ in state.scan(_PREFIX):
            self._chunks[_PLACE.unpack(key[1:])[0]] += 1
        self._buckets = list(self._chunks)
        heapq.heapify(self._buckets)
        self._fresh: dict[int, list[Item]] = defaultdict(list)
        self._opened: set[int] = set()  # buckets whose items are in memory
        self._reached = -(2**62)  # the last bucket that is in memory
        self._near: list[Item] = []
        self._taken = 0

    def add(self, time: int, key: bytes) -> None:
        """Look at `key` again once `time` is past."""
        bucket = time >> _SPAN_BITS
        if bucket not in self._fresh and bucket not in self._chunks and bucket > self._reached:
            heapq.heappush(self._buckets, bucket)
        self._fresh[bucket].append((time, key))
        if bucket <= self._reached:
            self._opened.add(bucket)
            insort(self._near, (time, key), lo=self._taken)

    def has_before(self, cutoff: int) -> bool:
        """Whether anything lies before `cutoff`."""
        self._reach(cutoff)
        return self._taken < len(self._near) and self._near[self._taken][0] < cutoff

    def before(self, cutoff: int) -> Iterator[bytes]:
        """The keys whose time lies before `cutoff`; they stay in the queue."""
        self._reach(cutoff)
        for index in range(self._taken, len(self._near)):
            time, key = self._near[index]
            if time >= cutoff:
                return
            yield key

    def take(self, cutoff: int) -> Iterator[Item]:
        """Take out what lies before `cutoff`."""
        while self.has_before(cutoff):
            self._taken += 1
            yield self._near[self._taken - 1]

    def save(self) -> None:
        """Hand what was added and taken over to the state."""
        del self._near[: self._taken]
        self._taken = 0
        waiting = self._late()
        for bucket in [one for one in self._opened if one < self._reached and one not in waiting]:
            self._forget(bucket)
        for bucket, items in self._fresh.items():
            self._state.put(_place(bucket, self._chunks[bucket]), b"".join(_ITEM.pack(*item) for item in items))
            self._chunks[bucket] += 1
        self._fresh.clear()

    def _late(self) -> set[int]:
        """Buckets that are past but still hold something, which came too late to be taken with the rest."""
        late: set[int] = set()
        for time, _ in self._near:
            if time >> _SPAN_BITS >= self._reached:
                break
            late.add(time >> _SPAN_BITS)
        return late

    def _forget(self, bucket: int) -> None:
        self._opened.remove(bucket)
        self._fresh.pop(bucket, None)
        for number in range(self._chunks.pop(bucket, 0)):
            self._state.delete(_place(bucket, number))

    def _reach(self, cutoff: int) -> None:
        target = cutoff >> _SPAN_BITS
        if target <= self._reached:
            return
        self._reached = target
        arrived: list[Item] = []
        while self._buckets and self._buckets[0] <= target:
            bucket = heapq.heappop(self._buckets)
            self._opened.add(bucket)
            arrived += self._items(bucket)
        if arrived:
            self._near = sorted(self._near[self._taken :] + arrived)
            self._taken = 0

    def _items(self, bucket: int) -> list[Item]:
        chunks = self._state.get_many([_place(bucket, number) for number in range(self._chunks.get(bucket, 0))])
        saved = [item for chunk in chunks for item in _ITEM.iter_unpack(chunk or b"")]
        return saved + self._fresh.get(bucket, [])


def _place(bucket: int, number: int) -> bytes:
    return _PREFIX + _PLACE.pack(bucket, number)
