"""Writes small files in the formats of public recordings, by their specifications and not by our readers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

CODES = {"N": 1, "L": 2, "R": 3, "V": 5, "F": 6, "A": 8, "+": 28, "/": 12, "~": 14}
"""annot(5), table "Annotation Codes"."""


def write_mat(path: Path, variables: dict[str, np.ndarray]) -> None:
    """MATLAB 5 file of double column vectors. MAT-File Format, chapter 1: header, miMATRIX with four sub-elements."""
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    path.write_bytes(header + b"".join(_matrix(name, np.atleast_1d(value)) for name, value in variables.items()))


def _matrix(name: str, values: np.ndarray) -> bytes:
    flags = struct.pack("<IIII", 6, 8, 6, 0)  # miUINT32; mxDOUBLE_CLASS
    shape = struct.pack("<IIii", 5, 8, values.size, 1)
    text = name.encode()
    label = struct.pack("<II", 1, len(text)) + text + bytes(-len(text) % 8)
    data = struct.pack("<II", 9, 8 * values.size) + values.astype("<f8").tobytes()
    body = flags + shape + label + data
    return struct.pack("<II", 14, len(body)) + body


def write_wfdb(
    path: Path,
    codes: np.ndarray,
    *,
    rate_hz: float = 360,
    names: tuple[str, ...] = ("MLII", "V1"),
    coding: str = "212",
    gain: str = "200",
    zero: int = 1024,
    bits: int = 11,
) -> None:
    """Header and samples of a record; `codes` (n_channels, n) are what the converter gave."""
    lines = [f"{path.name} {len(codes)} {rate_hz:g} {codes.shape[1]}"]
    lines += [
        f"{path.name}.dat {coding} {gain} {bits} {zero} {row[0]} 0 0 {n}" for row, n in zip(codes, names, strict=True)
    ]
    path.with_suffix(".hea").write_text("\n".join(lines) + "\n# made for a test\n")
    flat = codes.T.ravel()
    if coding.startswith("16"):
        data = flat.astype("<i2").tobytes()
    else:
        data = b"".join(_two_samples(*pair) for pair in zip(flat[::2].tolist(), flat[1::2].tolist(), strict=False))
        if flat.size % 2:
            data += _two_samples(int(flat[-1]), 0)[:2]
    offset = int(coding.partition("+")[2] or 0)
    path.with_suffix(".dat").write_bytes(bytes(offset) + data)


def _two_samples(first: int, second: int) -> bytes:
    """signal(5), format 212: 12-bit two's complement; the middle byte holds the high four bits of both."""
    first, second = first & 0xFFF, second & 0xFFF
    return bytes((first & 0xFF, (first >> 8) | (second >> 8 << 4), second & 0xFF))


def write_annotations(path: Path, annotations: list[tuple[int, str, str]]) -> None:
    """annot(5): two bytes each, code in the upper 6 bits, distance in the lower 10; SKIP for more, AUX for text."""
    data, last = b"", 0
    for sample, symbol, text in annotations:
        distance, last = sample - last, sample
        if distance > 1023:
            data += struct.pack("<HHH", 59 << 10, distance >> 16, distance & 0xFFFF)
            distance = 0
        data += struct.pack("<H", CODES[symbol] << 10 | distance)
        if text:
            raw = text.encode() + b"\0"
            data += struct.pack("<H", 63 << 10 | len(raw)) + raw + bytes(len(raw) % 2)
    path.write_bytes(data + bytes(2))


def write_wav(path: Path, counts: np.ndarray, rate_hz: int = 16000) -> None:
    """16-bit PCM; `counts` (n_channels, n)."""
    data = counts.T.astype("<i2").tobytes()
    axes = len(counts)
    layout = struct.pack("<HHIIHH", 1, axes, rate_hz, rate_hz * axes * 2, axes * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(data)) + data
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def write_rows(path: Path, rows, header: str = "", separator: str = ",", end: str = "") -> None:
    """A text file of numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header] if header else []
    lines += [separator.join(f"{value:g}" for value in row) + end for row in rows]
    path.write_text("\n".join(lines) + "\n")


def noise(*shape: int, seed: int = 1, spread: float = 1.0) -> np.ndarray:
    """Gaussian numbers that are always the same."""
    return np.random.RandomState(seed).normal(0.0, spread, shape)
