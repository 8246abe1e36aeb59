"""Which part of a bearing is named, and when none is."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE
from edge_app.inference.bearing_type import BearingType

SCHEMA = FeatureSchema("bearing_lines/1", ("bpfo_line", "bpfi_line", "bsf_line", "ftf_line"))


def lines(*levels_db: float) -> FeatureVector:
    return FeatureVector(
        np.array([each * LOG2_ONE / DB_PER_POWER_OCTAVE for each in levels_db]).astype(np.int16), SCHEMA
    )


MODEL = BearingType(SCHEMA, above_db=13.5, lead_db=5.0)


@pytest.mark.parametrize(
    ("levels_db", "part"),
    [
        ((30, 12, 13, 9), "outer"),
        ((10, 20, 8, 3), "inner"),
        ((8, 9, 18, 6), "ball"),
        ((2, 3, 4, 16), "cage"),
        ((13.0, 4, 5, 3), "unclear"),  # highest, but below 13.5 dB
        ((20, 16, 5, 3), "unclear"),  # only 4 dB before the next
        ((-2, -3, -4, -5), "unclear"),
    ],
)
def test_the_part_whose_line_stands_out_is_named_and_nothing_else(levels_db: tuple[float, ...], part: str) -> None:
    assert MODEL.infer(lines(*levels_db)).label == part


def test_the_share_is_the_lines_part_of_all_power() -> None:
    inference = MODEL.infer(lines(20, 10, 0, 0))
    # 100 / (100 + 10 + 1 + 1) of the power; levels are whole Q8 steps of 0.012 dB
    assert dict(inference.shares)["outer"] == pytest.approx(10000 * 100 / 112, rel=0.005)
    assert inference.score == dict(inference.shares)["outer"]


def test_other_limits_are_another_model() -> None:
    assert MODEL.identity.sha256 != BearingType(SCHEMA, above_db=14.0, lead_db=5.0).identity.sha256


def test_features_that_are_no_lines_are_refused() -> None:
    with pytest.raises(ModelError, match="bearing_lines"):
        BearingType(FeatureSchema("vibration/1", ("rms_g",)), 13.5, 5.0)
