"""The card beside a model: what it was made of."""

from __future__ import annotations

from edge_app.training.trainers.report import learnt_from

RECORDING = {"source": "mitdb/101", "label": "ecg", "seconds": 1655.5, "rate_hz": 360.0, "windows": 7}


def test_recordings_that_never_were_are_told_with_what_they_were_made_of() -> None:
    synthetic = {"copies": 6, "seed": 1, "windows": {"normal": 40, "ventricular": 3}}
    real, made = learnt_from({"train": [RECORDING], "synthetic": synthetic})
    assert real.startswith("- mitdb/101 [ecg]: 1655.5 s at 360 Hz")
    assert made.startswith("- Synthetic, learnt from too: 6 recordings that never were, made of each one above")
    assert "seed 1" in made
    assert made.endswith("Windows taken: 40 normal, 3 ventricular.")


def test_without_them_nothing_is_told() -> None:
    assert len(learnt_from({"train": [RECORDING]})) == 1
