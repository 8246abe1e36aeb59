"""Names people choose."""

from __future__ import annotations

import pytest

from edge_app.core.names import closest, is_id, like_id, readable


@pytest.mark.parametrize("text", ["pump-7", "a", "0_1", "x" * 48])
def test_small_letters_digits_and_dashes_are_a_name(text):
    assert is_id(text)
    assert like_id(text) == text


@pytest.mark.parametrize("text", ["", "Pump", "pump 7", "x" * 49, "pump\n", "päpp", "../x"])
def test_anything_else_is_none(text):
    assert not is_id(text)


@pytest.mark.parametrize(
    ("text", "name"), [("Pump 7", "pump_7"), ("  Motor (new)!", "motor_new"), ("y" * 60, "y" * 48), ("!?", "")]
)
def test_the_nearest_name_is_offered(text, name):
    assert like_id(text) == name
    assert not name or is_id(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("grün 🎺", "grün 🎺"), ("a\nb\t", "a\\nb\\t"), ("\x1b[31mred", "\\x1b[31mred"), ("gr\udcfcn", "gr\\xfcn")],
)
def test_what_cannot_be_printed_is_shown_by_its_code(text, shown):
    assert readable(text) == shown
    assert shown.encode()


@pytest.mark.parametrize(("word", "meant"), [("vibartion", "vibration"), ("vibration", "vibration"), ("ecg", None)])
def test_the_closest_word_is_found_when_one_is_close(word, meant):
    assert closest(word, ("vibration", "sound")) == meant
