"""Names and hash of vibration vectors."""

from __future__ import annotations

import dataclasses

import pytest

from edge_app.features.schema import VibrationSettings, band_names, level, physical, vibration_schema

SETTINGS = VibrationSettings((10.0, 1250.0), 32, 1, 2560.0, 1.0)


def test_the_vector_of_one_axis_starts_with_levels_and_shape_and_goes_on_with_bands() -> None:
    names = vibration_schema(SETTINGS).names
    assert names[:6] == ("rms_g", "peak_g", "crest", "kurtosis", "velocity_rms_mmps", "band_10_12_hz")
    assert names[-1] == "band_1075_1250_hz"
    assert len(names) == 5 + 32


def test_several_axes_carry_their_number() -> None:
    names = vibration_schema(dataclasses.replace(SETTINGS, axes=3)).names
    assert len(names) == 3 * 37
    assert (names[0], names[37], names[74]) == ("axis0_rms_g", "axis1_rms_g", "axis2_rms_g")


@pytest.mark.parametrize(("band_hz", "has"), [((10, 1000), True), ((10.5, 1250), False), ((10, 990), False)])
def test_velocity_needs_the_whole_iso_band(band_hz: tuple[float, float], has: bool) -> None:
    settings = dataclasses.replace(SETTINGS, band_hz=band_hz)
    assert ("velocity_rms_mmps" in vibration_schema(settings).names) is has


def test_narrow_bands_get_as_many_decimals_as_keep_them_apart() -> None:
    assert band_names((10_000, 10_400, 10_800)) == ("band_10.0_10.4_hz", "band_10.4_10.8_hz")


@pytest.mark.parametrize(
    "change",
    [{"band_hz": (10.0, 1240.0)}, {"bands": 31}, {"axes": 2}, {"min_rate_hz": 2600.0}, {"window_s": 2.0},
     {"noise_ug_per_rthz": 100.0}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_every_setting_changes_the_hash(change: dict[str, object]) -> None:
    changed = dataclasses.replace(SETTINGS, **change)  # type: ignore[arg-type]
    assert vibration_schema(changed).hash != vibration_schema(SETTINGS).hash


def test_whole_and_decimal_numbers_hash_alike() -> None:
    assert vibration_schema(VibrationSettings((10, 1250), 32, 1, 2560, 1)).hash == vibration_schema(SETTINGS).hash


def test_levels_are_log2_in_q8_and_read_back() -> None:
    assert level(0.5) == -256
    assert physical(-256) == 0.5
    assert level(0.0) == -32768
    assert physical(level(0.01)) == pytest.approx(0.01, rel=1 / 700)  # half of 2^(1/256)
