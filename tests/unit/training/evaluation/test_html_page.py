"""The page: one file, well formed, nothing fetched, nothing but finite numbers in its pictures."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from trails import LabelModel, ScoreModel, make_case, make_trail

from edge_app.config.evaluation import CaseConfig
from edge_app.training.evaluation.cases import Chosen
from edge_app.training.evaluation.evaluate import CaseOutcome, Evaluation
from edge_app.training.evaluation.footprint import Footprint
from edge_app.training.evaluation.html_page import page
from edge_app.training.evaluation.report import markdown
from edge_app.training.evaluation.svg import MOST_POINTS, draw, spread, tick_text, ticks, unbroken
from edge_app.training.protocols import anomaly, classify
from edge_app.training.protocols.base import Curve, Scatter, ScoreTrace

VOID = ("meta", "br", "hr", "img", "input", "link")
HOSTILE = "<script>alert('x')</script>"


class Checker(HTMLParser):
    """Opens and closes every element in order, and keeps all attributes and words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def evaluation() -> Evaluation:
    """Two cases with every kind of figure, and names that try to break out."""
    trails = [make_trail(f"h{k}", "healthy", [1000 + k] * 20) for k in range(6)]
    trails += [make_trail(f"f{k} {HOSTILE}", "outer", [9000] * 20, unknown=(3,)) for k in range(6)]
    scored = anomaly.run(make_case(), trails, {"trained": ScoreModel(), "int8": ScoreModel(zero=10)})
    scored.figures.append(Scatter("heart rate", "true (bpm)", "told (bpm)", ((60.0, 61.0), (90.0, 88.0))))
    kinds = [make_trail("a", "inner", [0, 0, 1]), make_trail("b", "outer", [1, 1, -1])]
    classes = {"inner": ("inner",), "outer": ("outer",)}
    typed = classify.run(make_case("classify", classes), kinds, {"int8": LabelModel(("inner", "outer"))})
    cost = Footprint(4192, "measured", 80, 14.2, 200)
    outcomes = []
    for name, result, costs in (("anomaly", scored, {"int8": cost}), ("classify", typed, {})):
        config = CaseConfig(name=name, pipeline="bearing", protocol=name)
        outcomes.append(CaseOutcome(config, Chosen(), result, "model", "ab" * 32, None, "", costs))
    passed_over = {"beats": "no recordings"}
    return Evaluation("app", "1.0.0", HOSTILE, "test", Path("data"), outcomes, passed_over, False, "a Pi")


def test_the_page_is_well_formed_and_fetches_nothing(evaluation: Evaluation):
    checker = Checker()
    text = page(evaluation)
    checker.feed(text)

    assert checker.open == []
    assert not {"script", "link", "img", "iframe", "object", "base"} & checker.tags
    assert not [each for each in checker.attributes if each[1] in ("src", "srcset", "action", "data")]
    assert all(value.startswith("#") for _, name, value in checker.attributes if name == "href")
    assert not [each for each in checker.attributes if each[1].startswith("on")]
    assert not re.search(r"https?:|url\(|@import|//", text)


def test_what_recordings_are_called_is_text_and_never_markup(evaluation: Evaluation):
    text = page(evaluation)

    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_every_number_of_a_picture_is_finite_and_inside_its_frame(evaluation: Evaluation):
    checker = Checker()
    checker.feed(page(evaluation))
    numbers = [
        float(number)
        for _, name, value in checker.attributes
        if name in ("x", "y", "cx", "cy", "x1", "y1", "x2", "y2", "r", "width", "height", "points", "viewbox")
        for number in re.split(r"[ ,]+", value)
    ]

    assert len(numbers) > 500
    assert all(math.isfinite(number) and -1.0 <= number <= 1200.0 for number in numbers)


def test_the_page_follows_light_and_dark_and_narrow_screens(evaluation: Evaluation):
    text = page(evaluation)

    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_the_same_evaluation_gives_the_same_bytes(evaluation: Evaluation):
    assert page(evaluation) == page(evaluation)


def test_page_and_markdown_show_the_same_figures(evaluation: Evaluation):
    text, lines = page(evaluation), markdown(evaluation)

    for shown in (
        "6 of 6",
        "4 192 B",
        "healthy signal",
        "could not be judged",
        "clipped … %",
        "recordings told rightly",
    ):
        assert shown in text
        assert shown in lines


def test_a_long_signal_is_drawn_by_blocks_that_keep_its_extremes():
    x = tuple(float(index) for index in range(100_000))
    y = tuple(1.0 if index == 77_777 else 0.1 for index in range(100_000))

    blocks = spread(Curve("score", x, y), MOST_POINTS)

    assert len(blocks) == MOST_POINTS
    at, low, median, high = max(blocks, key=lambda block: block[3])
    assert (low, median, high) == (0.1, 0.1, 1.0)
    assert at == pytest.approx(77_777, abs=250)  # blocks of 250


def test_no_score_is_drawn_where_a_machine_stood_still():
    curve = Curve("score", (0.0, 1.0, 2.0, 60.0, 61.0), (0.1, 0.2, 0.3, 0.9, 0.8))

    assert [part.x for part in unbroken(curve)] == [(0.0, 1.0, 2.0), (60.0, 61.0)]
    assert draw(ScoreTrace("stops", curve, 0.8)).count('class="curve shipped thin"') == 2
    assert unbroken(Curve("none", (), ())) == []


def test_lines_and_areas_have_a_legend(evaluation: Evaluation):
    text = page(evaluation)

    for meaning in ("float, as trained", "int8, as shipped", "score", "threshold", "alarm raised"):
        assert f"</svg>{meaning}</span>" in text


def test_several_cases_have_an_overview_that_leads_to_them(evaluation: Evaluation):
    text = page(evaluation)

    assert "<a href='#anomaly'>anomaly</a>" in text
    assert "<section id='anomaly'>" in text
    assert "| anomaly | faults against healthy recordings | 12 recordings |" in markdown(evaluation)


def test_a_trace_of_one_window_and_of_none_can_be_drawn():
    for x, y in (((5.0,), (0.5,)), ((), ())):
        assert draw(ScoreTrace("short", Curve("score", x, y), 0.8, (5.0,))).startswith("<svg")


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0.0, 10.0), [0, 2, 4, 6, 8, 10]), ((0.0, 1.0), [0, 0.2, 0.4, 0.6, 0.8, 1]), ((57.0, 93.0), [60, 70, 80, 90])],
)
def test_ticks_are_round(span: tuple[float, float], expected: list[float]):
    assert ticks(span, 6) == pytest.approx(expected)
    assert [tick_text(each) for each in ticks((0.0, 1.0), 6)][1] == "0.2"


def test_where_no_headline_has_a_value_the_figures_there_are_stand_large(evaluation: Evaluation):
    result = evaluation.outcomes[0].result
    for metrics in result.metrics.values():
        metrics.update(dict.fromkeys(result.headline))

    text = page(evaluation)

    assert "<strong>healthy recordings flagged</strong>" in text
