"""Numbers as people read them."""

from __future__ import annotations

import pytest

from edge_app.core.wording import counted, figure_text, span_text


def test_one_thing_is_one_thing():
    assert [counted(n, "recording") for n in (0, 1, 2)] == ["0 recordings", "1 recording", "2 recordings"]
    assert counted(1, "axis", "axes") == "1 axis"
    assert counted(3, "axis", "axes") == "3 axes"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (2.5, "2.5 s"), (100.0, "100 s"), (395.0, "6.58 min"), (7344.0, "2.04 h"), (259200.0, "3 days")],
)
def test_a_span_stands_in_the_unit_it_reads_best_in(seconds, text):
    assert span_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1063.4, "1060"),
        (12.34, "12.3"),
        (0.01584, "0.0158"),
        (-0.1574, "-0.157"),
        (1.0, "1"),
        (1e6, "1000000"),
    ],
)
def test_a_figure_has_three_digits_and_no_exponent(value, text):
    assert figure_text(value) == text
