"""docs/reference/configuration.md says every key with its default and meaning."""

from __future__ import annotations

import re

import pytest
from key_tables import MARK, PAGE, models, rewritten, table

from edge_app.config.load import parse_document


def test_every_key_of_every_block_and_plugin_is_on_the_page():
    places = {match[2] for match in MARK.finditer(PAGE.read_text())}

    assert places == set(models()), "every block needs a `<!-- keys: … -->` place"


def test_the_tables_are_those_of_the_models():
    text = PAGE.read_text()

    assert text == rewritten(text), "run `python tests/support/key_tables.py`"


@pytest.mark.parametrize("name", sorted(models()))
def test_each_key_says_what_it_means(name):
    for row in table(models()[name]).splitlines()[2:]:
        assert len(row.split("|")[3].strip()) > 3, row


def test_the_examples_on_the_page_are_yaml():
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)

    assert len(examples) == 3
    for example in examples:
        parse_document(example.encode(), PAGE)
