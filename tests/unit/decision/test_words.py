"""What features of sound are called, and how their change is told."""

from __future__ import annotations

import pytest

from edge_app.decision.words import difference_words, feature_words, unit_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("band_1410_1861_hz", "1410-1861 Hz"),
        ("spread_1410_1861_hz", "swelling and fading at 1410-1861 Hz"),
        ("flux_1410_1861_hz", "roughness at 1410-1861 Hz"),
        ("rms_fs", "the sound level (rms)"),
    ],
)
def test_features_of_sound_have_words(name: str, words: str) -> None:
    assert feature_words(name) == words


def test_a_level_changes_by_db_and_its_swelling_by_a_factor() -> None:
    assert (
        difference_words("band_1410_1861_hz", 9.0, 20, 8.0)
        == "1410-1861 Hz 9.0 dB above normal (20 % of the difference)"
    )
    text = difference_words("spread_1410_1861_hz", 12.04, 20, 5.2)
    assert text == "swelling and fading at 1410-1861 Hz 4.0 times normal, now 5.2 dB (20 % of the difference)"


def test_the_level_of_a_gate_has_a_unit() -> None:
    assert unit_of("rms_fs") == " of full scale"
