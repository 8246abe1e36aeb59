"""docs/reference/cli.md says every verb and every option."""

from __future__ import annotations

import argparse
import re
from importlib import import_module

import pytest

from edge_app.cli.main import VERBS


def sections(repository) -> dict[str, str]:
    """Text of the page by verb."""
    text = (repository / "docs" / "reference" / "cli.md").read_text()
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        found |= {verb.strip(): body for verb in heading.split(",")}
    return found


def options(parser: argparse.ArgumentParser) -> set[str]:
    found = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found |= options(inner)
        found |= {option for option in action.option_strings if option.startswith("--")}
    return found - {"--help"}


def test_every_verb_has_a_section_and_no_section_is_of_a_verb_that_is_gone(repository):
    assert set(sections(repository)) == set(VERBS)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_option_of_a_verb_is_in_its_section(repository, verb):
    parser = argparse.ArgumentParser()
    parser.set_defaults(verb=verb)
    import_module(f"edge_app.cli.{VERBS[verb][0]}").add_arguments(parser)

    missing = {option for option in options(parser) if f"`{option}" not in sections(repository)[verb]}

    assert not missing
