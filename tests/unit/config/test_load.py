"""YAML files are read with limits; every refusal names file, line and remedy."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from edge_app.config import load
from edge_app.config.load import load_document, parse_document, plain_value
from edge_app.core.errors import ConfigError


@pytest.fixture(params=["C", "Python"], autouse=True)
def parser(request, monkeypatch):
    """Every test under libyaml's parser and under the pure Python one: piwheels may have only the latter."""
    if request.param == "Python":
        monkeypatch.setattr(load, "_Loader", yaml.SafeLoader)


def parse(text: str | bytes):
    return parse_document(text.encode() if isinstance(text, str) else text, Path("/x/pump.yaml"))


def refused(text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.fix, "every refusal says how to mend it"
    return caught.value


def test_values_are_plain_and_every_key_knows_its_line():
    document = parse("device: {id: pump-7}\n\nsensors:\n  vibration:\n    address: 0x6A\n    axes: [x, y]\n")

    assert document.data == {"device": {"id": "pump-7"}, "sensors": {"vibration": {"address": 106, "axes": ["x", "y"]}}}
    assert document.line(("device", "id")) == 1
    assert document.line(("sensors", "vibration", "address")) == 5
    assert document.line(("sensors", "vibration", "axes", 1)) == 6


def test_a_key_that_is_not_there_has_the_line_of_the_block_around_it():
    document = parse("device: {id: a}\nsensors:\n  vibration:\n    bus: 1\n")

    assert document.line(("sensors", "vibration", "rate_hz")) == 3


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0x6A", 106),
        ("0o17", 15),
        ("-5", -5),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("3.", 3.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("yes", "yes"),  # YAML 1.1 read this as true
        ("on", "on"),
        ("12:30", "12:30"),  # YAML 1.1 read this as 750
        ("1_000", "1_000"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1e999", "1e999"),  # would be infinite
        ("2026-01-01", "2026-01-01"),
        ("1.0.0", "1.0.0"),
    ],
)
def test_words_mean_what_yaml_1_2_says_and_nothing_becomes_infinite(word, value):
    assert plain_value(word) == value
    assert type(plain_value(word)) is type(value)


def test_a_quoted_number_stays_text():
    assert parse("a: '7'\nb: \"0x10\"\n").data == {"a": "7", "b": "0x10"}


def test_five_thousand_nested_brackets_are_refused_within_50_ms():
    for bracket in ("[", "{a: ", "- ", "? "):
        began_s = time.process_time()
        error = refused("a: 1\nb:\n " + bracket * 5000)
        assert time.process_time() - began_s < 0.050
        assert "/x/pump.yaml:3" in error.what


def test_brackets_hidden_behind_an_apostrophe_are_counted_too():
    began_s = time.process_time()
    error = refused("a: it's\nb: " + "[" * 5000)
    assert time.process_time() - began_s < 0.050
    assert "nested deeper than 32" in error.what


def test_thirty_two_levels_are_accepted_and_thirty_three_are_not():
    assert parse("a: " + "[" * 31 + "]" * 31).data["a"]
    assert "nested deeper" in refused("a: " + "[" * 32 + "]" * 32).what


def test_an_alias_bomb_is_refused_at_its_first_anchor():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]

    error = refused("\n".join(lines))

    assert "/x/pump.yaml:1" in error.what
    assert "anchor (`&a0`)" in error.what


def test_an_alias_is_refused():
    assert "an alias" in refused("a: *b").what


def test_a_tag_is_refused_so_no_object_is_built():
    assert "a tag" in refused("a: !!python/object/apply:os.system [ls]").what


def test_a_key_given_twice_is_refused_with_both_lines():
    error = refused("device:\n  id: a\n  site: b\n  id: c\n")

    assert "/x/pump.yaml:4" in error.what
    assert "first in line 2" in error.what


def test_a_tab_for_indentation_is_explained():
    error = refused("device:\n\tid: a\n")

    assert "/x/pump.yaml:2" in error.what
    assert "tab" in error.what
    assert "spaces" in error.fix


def test_a_comment_and_quoted_text_may_hold_tabs():
    assert parse("a: 1 # x\ty\nb: 'x\ty'\n").data == {"a": 1, "b": "x\ty"}


def test_text_that_is_not_utf_8_is_named_by_byte_and_line():
    error = refused("device: {id: a}\nsite: Köln\n".encode("latin-1"))

    assert "/x/pump.yaml:2" in error.what
    assert "byte 23 (0xF6)" in error.what  # 16 bytes in line 1, then "site: K"


def test_utf_16_is_guessed():
    assert "UTF-16" in refused("device: {}".encode("utf-16")).fix


def test_a_byte_order_mark_is_accepted():
    assert parse(b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


def test_a_control_character_is_refused_with_its_line():
    error = refused("a: 1\nb: \x00\n")

    assert "/x/pump.yaml:2" in error.what
    assert "control character" in error.what


def test_a_second_document_is_refused():
    assert "/x/pump.yaml:2" in refused("a: 1\n---\nb: 2\n").what


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- 1\n- 2\n", "word\n"])
def test_a_file_that_is_no_block_of_keys_is_refused(text):
    assert "/x/pump.yaml:1" in refused(text).what


def test_a_syntax_error_names_line_and_column():
    error = refused("device: {id: a}\nsensors: [1, 2\n")

    assert "/x/pump.yaml:3:1: not valid YAML" in error.what or "/x/pump.yaml:2" in error.what


def test_a_number_of_five_thousand_digits_is_refused_without_being_computed():
    assert "5000 digits" in refused("a: " + "9" * 5000).what


def test_a_key_that_is_a_list_is_refused():
    assert "where a key is expected" in refused("? [1, 2]\n: 3\n").what


def test_a_file_of_64_kib_is_read_and_one_byte_more_is_not(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * (64 * 1024 - 6))
    assert load_document(path).data == {"a": 1}

    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ConfigError, match="larger than 64 KiB"):
        load_document(path)


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(ConfigError, match="not an ordinary file"):
        load_document(Path("/dev/zero"))


def test_a_missing_file_names_the_nearest_one(tmp_path):
    (tmp_path / "pump-7.yaml").write_text("a: 1")

    with pytest.raises(ConfigError) as caught:
        load_document(tmp_path / "pump-77.yaml")

    assert "there is no such file" in caught.value.what
    assert "pump-7.yaml" in caught.value.fix


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "b.yaml").write_text("a: 1")
    with pytest.raises(ConfigError, match="is a folder") as caught:
        load_document(tmp_path)
    assert "b.yaml" in caught.value.fix
