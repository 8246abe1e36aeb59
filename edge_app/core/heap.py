"""How the C library keeps memory in a process that does the same work again and again. Source: mallopt(3), glibc."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of mallopt: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX of malloc.h."""
KEPT_BYTES = 4 << 20
"""Freed memory at the end of the heap that is kept, and the largest block taken from the heap: all the arrays of a
window's way from counts to features find room there."""


def keep_heap() -> bool:
    """Keep what windows free for the next window, in one heap for all threads; false where there is no mallopt.

    As it comes glibc gives memory back to the system with every window and takes it again, page by page, with the next
    one, which costs as much as the work itself; and it gives each thread a heap of its own, which none of the others
    can use. Only one thread allocates at a time anyway: the one that holds the interpreter's lock.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc: musl, macOS, Windows
        return False
    settings = ((_ARENA_MAX, 1), (_TRIM_THRESHOLD, KEPT_BYTES), (_MMAP_THRESHOLD, KEPT_BYTES))
    return all(mallopt(name, value) == 1 for name, value in settings)
