"""How this process allocates memory."""

from __future__ import annotations

import ctypes
import resource

import pyarrow as pa

LARGE = 1 << 20  # bytes
_M_MMAP_THRESHOLD = -3  # of the GNU C library


def limit_memory(limit: int) -> None:
    """Have allocations fail beyond so many bytes of address space: what others made may ask for any size."""
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def return_large_arrays() -> None:
    """Have each large array go back to the system when it is freed.

    Pools would keep what a reading or a training of many rows took, which one after the other need not have at once.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE)
