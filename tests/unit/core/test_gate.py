"""The operating gate on a feature, and on evidence no model reads."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edge_app.core.gate import gate_names, make_gate
from edge_app.core.results import FeatureSchema, FeatureVector

SCHEMA = FeatureSchema("loudness/1", ("band", "spread"))


class Extractor:
    schema = SCHEMA
    gate_names = ("rms_fs",)

    def level(self, feature: str, value: float) -> int:
        return int(100 * value)


def vector(spread: int, rms: int) -> FeatureVector:
    return FeatureVector(np.array([0, spread], np.int16), SCHEMA, {"rms_fs": rms})


def test_a_gate_may_read_features_and_what_the_extractor_names_for_it() -> None:
    assert gate_names(Extractor()) == ("band", "spread", "rms_fs")
    assert gate_names(SimpleNamespace(schema=SCHEMA)) == ("band", "spread")


@pytest.mark.parametrize(("feature", "closed"), [("spread", [True, True, False]), ("rms_fs", [False, True, True])])
def test_a_gate_is_open_above_its_level_only(feature: str, closed: list[bool]) -> None:
    gate = make_gate(Extractor(), feature, 2.0)
    seen = [gate.is_closed(each) for each in (vector(199, 201), vector(200, 200), vector(201, 199))]
    assert seen == closed
