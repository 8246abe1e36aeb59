"""The pages of docs/ name everything there is, link to what exists, and show commands that parse.

Every verb and option: tests/unit/cli/test_documented.py; every key: tests/unit/config/test_documented.py.
"""

from __future__ import annotations

import argparse
import json
import re
from importlib import import_module
from pathlib import Path

import alarm_table
import message_tables
import pytest
from doc_pages import anchors, blocks, command_lines, files_of, links

from edge_app.cli.main import VERBS
from edge_app.config import registry
from edge_app.config.errors import validated
from edge_app.config.load import parse_document
from edge_app.config.messages import DecisionMessage, HealthMessage, NowMessage, StateMessage
from edge_app.config.schema import AppConfig, DeviceConfig
from edge_app.journal import policy
from edge_app.runtime.gap import _TEXTS
from edge_app.transport.payload import parse_receipt
from edge_app.transport.topics import Topics

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
INDEX = DOCS / "README.md"
PAGES = sorted(DOCS.rglob("*.md"))
KINDS = {"tutorial", "how-to", "reference", "explanation"}
READABLE = [*PAGES, REPOSITORY / "README.md", *sorted(REPOSITORY.glob("apps/*/README.md"))]


def name_of(page):
    return str(page.relative_to(REPOSITORY))


def test_every_page_is_of_one_of_the_four_kinds():
    assert {page.parent.name for page in PAGES} == {*KINDS, "docs"}


def test_every_page_is_in_the_index_and_the_index_names_no_other():
    linked = {(DOCS / target).resolve() for target in links(INDEX)}

    assert linked == set(PAGES) - {INDEX}


@pytest.mark.parametrize("page", READABLE, ids=name_of)
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert not broken


class NotParsed(Exception):
    """argparse refused."""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise NotParsed(message)


def parser_of(verb):
    """The parser edge-app would use."""
    if verb not in VERBS:
        raise NotParsed(f"there is no verb {verb}")
    parser = Parser(allow_abbrev=False)
    parser.set_defaults(verb=verb)
    import_module(f"edge_app.cli.{VERBS[verb][0]}").add_arguments(parser)
    parser.add_argument("--verbose", action="store_true")
    return parser


def parse(words):
    """Parse a command line as edge-app would, without running it. Raises NotParsed."""
    verb = words[1] if len(words) > 1 else "--help"
    if verb == "VERB" or verb.startswith("-"):
        return
    if is_pattern(words):
        known = options(parser_of(verb))
        unknown = {found for word in words for found in re.findall(r"--[a-z-]+", word)} - known
        if unknown:
            raise NotParsed(f"unknown options {unknown}")
    elif len(words) == 2:
        parser_of(verb)  # the verb's name in a sentence
    else:
        parser_of(verb).parse_args(words[2:])


def is_pattern(words):
    """`edge-app run DEVICE.yaml [--json] …`: with places to fill in."""
    return any(re.search(r"[…\[\]|]|^[A-Z]{2,}", word) for word in words)


def options(parser):
    """Long options of a parser and of its actions (`sensors read`)."""
    found = set()
    for action in parser._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found |= options(inner)
    return found


@pytest.mark.parametrize("page", READABLE, ids=name_of)
def test_every_command_line_parses(page):
    wrong = []
    for words in command_lines(page):
        try:
            parse(words)
        except NotParsed as error:
            wrong.append(f"{' '.join(words)}: {error}")

    assert not wrong


def test_a_wrong_command_line_would_be_noticed():
    with pytest.raises(NotParsed):
        parse(["edge-app", "run", "device.yaml", "--brocker", "none"])
    with pytest.raises(NotParsed):
        parse(["edge-app", "fly"])
    with pytest.raises(NotParsed):
        parse(["edge-app", "demo", "[--secnods", "N]"])
    parse(["edge-app", "run", "device.yaml", "--broker", "none"])
    parse(["edge-app", "demo", "[--seconds", "N]"])


@pytest.mark.parametrize("group", sorted(registry.GROUPS))
def test_every_plugin_is_named_in_the_reference(group):
    text = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))

    assert [
        name for name in registry.built_in(group) if f"`{name}`" not in text and f"plugin: {name}" not in text
    ] == []


def test_every_sensor_plugin_has_its_row_among_the_sensors():
    text = (DOCS / "reference" / "sensors.md").read_text()

    assert [name for name in registry.built_in("sensors") if f"| `{name}` |" not in text] == []


def configurations():
    """Every YAML on a page that is a whole app or device."""
    for page in PAGES:
        for text in blocks(page, "yaml"):
            if re.search(r"^(app|device):", text, re.MULTILINE):
                yield pytest.param(page, text, id=f"{page.name}:{text.split(chr(10))[0][:40]}")


@pytest.mark.parametrize(("page", "text"), list(configurations()))
def test_every_configuration_on_a_page_is_one(page, text):
    document = parse_document(text.encode(), page)

    validated(DeviceConfig if "device" in document.data else AppConfig, document)


# messages.md


def test_the_tables_of_the_decision_are_those_of_the_model():
    text = message_tables.PAGE.read_text()

    assert {match[2] for match in message_tables.MARK.finditer(text)} == set(message_tables.MODELS)
    assert text == message_tables.rewritten(text), "run `python tests/support/message_tables.py`"


def test_the_messages_shown_are_messages():
    receipt = None
    kinds = {"event": DecisionMessage, "on": StateMessage, "pipes": NowMessage}
    seen = set()
    for block in blocks(message_tables.PAGE, "json"):
        for line in block.splitlines():
            if line.startswith("[["):
                receipt = parse_receipt(line.encode())
                continue
            key = next(key for key in kinds if key in json.loads(line))
            kinds[key].model_validate_json(line)
            seen.add(key)

    assert seen == set(kinds)
    assert receipt == [("5e57766f6e38", 1, [(0, 2), (5, 5)])]


def test_every_topic_is_in_the_table():
    text = message_tables.PAGE.read_text()
    topics = Topics("<site>".strip("<>"), "<device>".strip("<>"))
    shown = [topics.state, topics.health, topics.decisions("app"), topics.now("app"), topics.ack("monitor"), topics.cmd]

    for topic in shown:
        for word in ("site", "device", "app", "monitor"):
            topic = topic.replace(f"/{word}", f"/<{word}>")
        assert f"`{topic}`" in text, topic


def test_every_reason_of_a_gap_is_on_the_page():
    text = message_tables.PAGE.read_text()

    assert [reason for reason in _TEXTS if f"`{reason}`" not in text] == []
    assert str(policy.TRIES_MAX) == "3"
    assert "after three tries" in text


def test_the_health_message_has_open_keys_and_those_of_the_contract():
    assert set(HealthMessage.model_fields) == {"v", "dev", "jid", "boot"}


# alarms.md


def test_the_life_cycle_on_the_page_is_that_of_the_code():
    text = alarm_table.PAGE.read_text()

    assert alarm_table.MARK.search(text)
    assert text == alarm_table.rewritten(text), "run `python tests/support/alarm_table.py`"


def test_every_event_state_level_and_flag_is_explained():
    text = alarm_table.PAGE.read_text()
    schema = DecisionMessage.model_json_schema()["properties"]
    words = [*schema["event"]["enum"], *schema["state"]["enum"], *schema["level"]["enum"]]
    words += schema["flags"]["items"]["enum"]

    assert [word for word in words if f"`{word}`" not in text] == []


# pages whose files other tests build


@pytest.mark.parametrize("page", ["how-to/write-a-sensor-plugin.md", "how-to/secure-the-broker.md"])
def test_a_page_that_shows_files_shows_them_so_that_tests_find_them(page):
    shown = re.findall(r"^`([\w@./-]+)`:$", (DOCS / page).read_text(), re.MULTILINE)

    assert shown
    assert list(files_of(DOCS / page)) == shown
