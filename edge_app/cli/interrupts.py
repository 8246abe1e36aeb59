"""Ctrl-C before a verb is ready for it: remembered, since a library that is being imported may swallow it.

numpy and pydantic turn it into an ImportError or a panic of their own; others print it and go on.
"""

from __future__ import annotations

import signal
import threading

_seen: list[int] = []


def handler(number: int, _frame: object) -> None:
    """A signal's handler: KeyboardInterrupt, and a note that it came."""
    _seen.append(number)
    raise KeyboardInterrupt


def remember() -> None:
    """From now on Ctrl-C is remembered; a shell that started us in the background has it ignored, and so it stays."""
    _seen.clear()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, handler)


def came() -> bool:
    """Whether an interruption came before the verb took care of signals itself."""
    return bool(_seen)
