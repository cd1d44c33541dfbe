"""Event keys by the time at which they are looked at again: a queue in the state, its front in memory."""

from __future__ import annotations

import heapq
import struct
from bisect import insort
from collections import defaultdict
from collections.abc import Iterator

from penstock.bus.state.unit_state import State
from penstock.drift_detector.event_time import LONG_AGO

_PREFIX = b"x"
_BUCKET_BITS = 26  # a bucket spans 2**26 microseconds, 67 seconds of event time
_CHUNK_KEY = struct.Struct(">qI")  # bucket, number of the chunk
_ITEM = struct.Struct(">q16s")  # event time, event key

Item = tuple[int, bytes]


class EventTimeQueue:
    """Event keys by time in microseconds, popped in order of (time, key).

    Items are in the state by bucket of time, one chunk for each batch that added some. In memory are the number of
    chunks of each bucket, and the items of the earliest buckets. After a restart an item may be popped again.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._chunks: dict[int, int] = defaultdict(int)
        for key, _ in state.scan(_PREFIX):
            self._chunks[_CHUNK_KEY.unpack(key[1:])[0]] += 1
        self._future_buckets = list(self._chunks)
        heapq.heapify(self._future_buckets)
        self._unsaved: dict[int, list[Item]] = defaultdict(list)
        self._loaded_buckets: set[int] = set()
        self._last_loaded = LONG_AGO  # all buckets up to this one are in memory
        self._items: list[Item] = []  # of the loaded buckets, sorted
        self._popped = 0  # how many of the items were popped

    def add(self, time: int, key: bytes) -> None:
        """Add `key`, to be popped once `time` has passed."""
        bucket = time >> _BUCKET_BITS
        if bucket not in self._unsaved and bucket not in self._chunks and bucket > self._last_loaded:
            heapq.heappush(self._future_buckets, bucket)
        self._unsaved[bucket].append((time, key))
        if bucket <= self._last_loaded:
            self._loaded_buckets.add(bucket)
            insort(self._items, (time, key), lo=self._popped)

    def has_before(self, cutoff: int) -> bool:
        """Whether an item's time is before `cutoff`."""
        self._load_until(cutoff)
        return self._popped < len(self._items) and self._items[self._popped][0] < cutoff

    def keys_before(self, cutoff: int) -> Iterator[bytes]:
        """The keys whose time is before `cutoff`; they stay in the queue."""
        self._load_until(cutoff)
        for index in range(self._popped, len(self._items)):
            time, key = self._items[index]
            if time >= cutoff:
                return
            yield key

    def pop_before(self, cutoff: int) -> Iterator[Item]:
        """Remove and return the items whose time is before `cutoff`."""
        while self.has_before(cutoff):
            self._popped += 1
            yield self._items[self._popped - 1]

    def save(self) -> None:
        """Write to the state what was added and popped."""
        del self._items[: self._popped]
        self._popped = 0
        unfinished = self._unfinished_buckets()
        loaded = self._loaded_buckets
        for bucket in [bucket for bucket in loaded if bucket < self._last_loaded and bucket not in unfinished]:
            self._delete_bucket(bucket)
        for bucket, items in self._unsaved.items():
            self._state.put(_chunk_key(bucket, self._chunks[bucket]), b"".join(_ITEM.pack(*item) for item in items))
            self._chunks[bucket] += 1
        self._unsaved.clear()

    def _unfinished_buckets(self) -> set[int]:
        """Buckets before the last loaded one that still hold items: these came too late to be popped in time."""
        unfinished: set[int] = set()
        for time, _ in self._items:
            if time >> _BUCKET_BITS >= self._last_loaded:
                break
            unfinished.add(time >> _BUCKET_BITS)
        return unfinished

    def _delete_bucket(self, bucket: int) -> None:
        self._loaded_buckets.remove(bucket)
        self._unsaved.pop(bucket, None)
        for number in range(self._chunks.pop(bucket, 0)):
            self._state.delete(_chunk_key(bucket, number))

    def _load_until(self, cutoff: int) -> None:
        target = cutoff >> _BUCKET_BITS
        if target <= self._last_loaded:
            return
        self._last_loaded = target
        loaded: list[Item] = []
        while self._future_buckets and self._future_buckets[0] <= target:
            bucket = heapq.heappop(self._future_buckets)
            self._loaded_buckets.add(bucket)
            loaded += self._read_bucket(bucket)
        if loaded:
            self._items = sorted(self._items[self._popped :] + loaded)
            self._popped = 0

    def _read_bucket(self, bucket: int) -> list[Item]:
        chunks = self._state.get_many([_chunk_key(bucket, number) for number in range(self._chunks.get(bucket, 0))])
        saved = [item for chunk in chunks for item in _ITEM.iter_unpack(chunk or b"")]
        return saved + self._unsaved.get(bucket, [])


def _chunk_key(bucket: int, number: int) -> bytes:
    return _PREFIX + _CHUNK_KEY.pack(bucket, number)
