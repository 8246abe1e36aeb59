"""WFDB records as recordings: header and samples, the preferred lead first."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording import load_recording


def record(folder, header, samples=b""):
    (folder / "r1.hea").write_text(header)
    (folder / "r1.dat").write_bytes(samples)
    return folder / "r1.hea"


def test_format_16_gives_counts_less_the_baseline_and_the_preferred_lead(tmp_path):
    values = np.array([[100, 1100], [101, 1300], [99, 900]], "<i2")
    header = "r1 2 250 3\nr1.dat 16 200(100)/mV 12 0 0 0 0 V5\nr1.dat 16 200(1100)/mV 12 0 0 0 0 MLII\n"
    found = load_recording(record(tmp_path, header, values.tobytes()), unit="au")
    assert found.counts.tolist() == [[0, 200, -200]]
    assert (found.rate_hz, found.scale, found.unit) == (250.0, 1 / 200, "au")
    other = load_recording(tmp_path / "r1.hea", unit="au", channel="V5")
    assert other.counts.tolist() == [[0, 1, -1]]


def test_format_212_packs_two_samples_of_12_bits_into_three_bytes(tmp_path):
    # 1 and -2: low bytes 0x01 and 0xFE, the high nibbles 0x0 (first) and 0xF (second) share the byte between.
    header = "r1 1 360 2\nr1.dat 212 200 11 0 0 0 0 ECG\n"
    found = load_recording(record(tmp_path, header, bytes([0x01, 0xF0, 0xFE])), unit="au")
    assert found.counts.tolist() == [[1, -2]]


def test_a_channel_of_another_gain_is_brought_to_the_scale_of_the_table(tmp_path):
    values = struct.pack("<4h", 200, 10, -200, 20)
    header = "r1 2 125 2\nr1.dat 16 200/mV 12 0 0 0 0 II\nr1.dat 16 20/mmHg 12 0 0 0 0 ABP\n"
    found = load_recording(record(tmp_path, header, values), unit="au", channel="ABP")
    assert found.counts.tolist() == [[100, 200]]
    assert found.counts[0, 0] * found.scale == pytest.approx(0.5)  # 10 / 20


@pytest.mark.parametrize(
    ("header", "samples", "what"),
    [
        ("", b"", "empty"),
        ("r1 1 250 10\nr1.dat 16 200\n", b"\0\0", "1 of 10 samples are there"),
        ("r1 1 250 10\nr1.dat 80 200\n", b"\0\0", "format 80 is not read"),
        ("r1 1 250 10\nother.dat 16 200\n", b"\0\0", "No such file"),
        ("r1 1 250 10\n../r1.dat 16 200\n", b"\0\0", "is described as"),
    ],
)
def test_a_damaged_record_says_what_is_wrong(tmp_path, header, samples, what):
    with pytest.raises(RecordingError, match=what):
        load_recording(record(tmp_path, header, samples), unit="au")
