"""Tables and sentences within the columns there are; whole where nobody counts columns."""

from __future__ import annotations

import io

import pytest

from edge_app.cli.layout import columns, paragraph, table, wrapped

ROWS = [
    ("RECORDING", "LABEL", "SECONDS"),
    ("own/pump-7_vibration_20260131T120000Z", "normal", "60.0"),
    ("own/b", "bearing", "5.0"),
]


def test_a_table_that_fits_stands_in_columns():
    assert table([("A", "B"), ("long cell", "x")], 20) == ["A          B", "long cell  x"]


def test_nobody_counts_columns_in_a_file():
    assert columns(io.StringIO()) is None
    assert table(ROWS)[1] == "own/pump-7_vibration_20260131T120000Z  normal   60.0"


def test_a_table_too_wide_gives_each_first_cell_a_line_of_its_own():
    assert table(ROWS, 40) == [
        "RECORDING",
        "  LABEL    SECONDS",
        "own/pump-7_vibration_20260131T120000Z",
        "  normal   60.0",
        "own/b",
        "  bearing  5.0",
    ]


def test_what_is_wider_still_names_each_cell():
    rows = [("ID", "MEDIAN SCORE", "HIGHEST SCORE"), ("a", "0.5", ""), ("b", "0.25", "0.75")]
    assert table(rows, 24) == [
        "ID a",
        "  MEDIAN SCORE 0.5",
        "ID b",
        "  MEDIAN SCORE 0.25",
        "  HIGHEST SCORE 0.75",
    ]


def test_without_headings_cells_just_follow():
    rows = [("memory", "24 KiB", "of 64 KiB"), ("flash", "141 KiB", "of 2 MiB")]
    assert table(rows, 19, headed=False) == ["memory", "  24 KiB  of 64 KiB", "flash", "  141 KiB  of 2 MiB"]


def test_sentences_in_the_last_column_are_wrapped_within_it():
    rows = [("memory", "all pipelines, and half of it is left free"), ("flash", "models")]
    assert table(rows, 34) == ["memory  all pipelines, and half of", "        it is left free", "flash   models"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_unless_one_word_is(width):
    rows = [*ROWS, ("c", "a label of several words", "a very long sentence, " * 4)]
    longest_word = len(ROWS[1][0])
    assert max(map(len, table(rows, width))) <= max(width, longest_word)


def test_a_paragraph_is_indented_throughout():
    assert paragraph("one two three four", 12, "  ") == ["  one two", "  three four"]
    assert paragraph("one two three four", None, "  ") == ["  one two three four"]
    assert paragraph("", 10) == []


def test_an_error_keeps_the_indent_of_its_remedy(monkeypatch):
    monkeypatch.setattr("edge_app.cli.layout.columns", lambda stream: 20)
    text = wrapped("error: this is wrong here\n  Write that instead.", io.StringIO())
    assert text == "error: this is wrong\nhere\n  Write that\n  instead."
