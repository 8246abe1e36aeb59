"""Windows that try the front end: ordinary, extreme, nearly silent."""

from __future__ import annotations

import numpy as np

KINDS = (
    "noise",
    "sine",
    "full-scale square",
    "impulse",
    "one count",
    "silence",
    "constant",
    "quiet on gravity",
    "random rails",
)


def counts_of(kind: str, length: int) -> np.ndarray:
    """int16 counts (length,)."""
    rng = np.random.default_rng(len(kind))
    i = np.arange(length)
    made = {
        "noise": lambda: rng.normal(0, 3000, length),
        "sine": lambda: 30000 * np.sin(i * 0.31),
        "full-scale square": lambda: np.where(i // 7 % 2, 32767, -32768),
        "impulse": lambda: np.where(i == length // 3, -32768, 0),
        "one count": lambda: (i == length - 40).astype(float),
        "silence": lambda: np.zeros(length),
        "constant": lambda: np.full(length, -32768),
        "quiet on gravity": lambda: 16384 + rng.normal(0, 0.7, length),
        "random rails": lambda: np.where(rng.random(length) < 0.5, -32768, 32767),
    }
    return np.clip(np.round(made[kind]()), -32768, 32767).astype(np.int16)
