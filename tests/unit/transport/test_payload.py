"""Properties of the message text that hold for any content."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_app.config.messages import MESSAGES, DecisionMessage
from edge_app.core.results import Decision, ModelIdentity
from edge_app.transport.payload import (
    LIMIT_BYTES,
    decision_json,
    encode,
    health_json,
    now_json,
    parse_receipt,
    receipt_json,
    state_json,
    with_hist,
)

INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
TOP = st.lists(st.tuples(st.text(max_size=40), st.integers(-999, 999), st.integers(0, 100)), max_size=80)
WHY = st.fixed_dictionaries({"text": st.text(max_size=6000)}, optional={"top": TOP})


def decision(**changes: Any) -> Decision:
    facts: dict[str, Any] = {
        "app": "predictive_maintenance",
        "app_version": "1.0.0",
        "pipeline": "bearing",
        "event": "raised",
        "state": "active",
        "level": "alarm",
        "flags": ("acked",),
        "score": 9321,
        "threshold": 8000,
        "why": {"text": "x", "top": [["rms_g", 61, 30]]},
        "quality": 100,
        "wall_ms": 1763820000123,
        "clock": "ntp",
        "mono_ms": 1000,
        "window_ms": 1000,
        "model": ModelIdentity("bearing_int8", "a" * 64),
    }
    return Decision(**(facts | changes))


@given(PLAIN)
def test_every_json_reader_gets_back_what_was_written(value: object) -> None:
    text = encode(value, (), -100)  # nesting is bounded elsewhere
    assert json.loads(text) == value
    assert text.isascii()


@given(WHY, st.booleans())
def test_no_decision_is_longer_than_the_limit_and_all_are_valid(why: dict[str, Any], hist: bool) -> None:
    text = decision_json("pump-7", "ab12", 1, 0, hist, decision(why=why))
    assert len(text.encode()) <= LIMIT_BYTES
    message = DecisionMessage.model_validate_json(text)
    assert message.hist is hist
    if message.why.text is not None and not message.why.text.endswith("(shortened)"):
        assert message.why.text == why["text"]


@given(
    st.lists(
        st.tuples(
            st.text("0123456789abcdef", min_size=1, max_size=32),
            st.integers(0, 2**53 - 1),
            st.lists(st.tuples(st.integers(0, 2**50), st.integers(0, 2**50)), max_size=9),
        ),
        max_size=9,
    )
)
def test_receipts_survive_the_way_there_and_back(entries: list[Any]) -> None:
    ordered = [(jid, boot, [(min(pair), max(pair)) for pair in ranges]) for jid, boot, ranges in entries]
    assert parse_receipt(receipt_json(ordered).encode()) == ordered


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused_with_value_error(data: bytes) -> None:
    try:
        entries = parse_receipt(data)
    except ValueError:
        return
    assert json.loads(data) == [[jid, boot, [list(each) for each in ranges]] for jid, boot, ranges in entries]


def test_keys_of_a_decision_stand_in_the_order_of_the_contract() -> None:
    text = decision_json("pump-7", "ab12", 1, 0, False, decision())
    order = "v dev app appv pipe jid boot seq t ts mono event state level flags score threshold why q win_ms model hist"
    assert list(json.loads(text)) == order.split()
    assert len(text) <= 512  # "512 bytes typical"


def test_messages_fit_their_generated_json_schemas() -> None:
    texts = {
        "message-decision": decision_json("pump-7", "ab12", 1, 0, False, decision()),
        "message-state": state_json("pump-7", "ab12", 1, True, {"t": 5, "first": ["ab12", 1, 0], "sw": "0.1.0"}),
        "message-now": now_json("pump-7", "a", "ab12", 1, 5, {"p": {"state": "normal", "level": "ok", "flags": []}}),
        "message-health": health_json("pump-7", "ab12", 1, {"up_s": 5}),
    }
    assert texts.keys() == MESSAGES.keys()
    for name, text in texts.items():
        jsonschema.validate(json.loads(text), MESSAGES[name].model_json_schema())
        MESSAGES[name].model_validate_json(text)


@pytest.mark.parametrize("key", ["dev", "seq", "event", "hist"])
def test_a_decision_without_one_of_its_keys_does_not_fit_the_schema(key: str) -> None:
    message = json.loads(decision_json("pump-7", "ab12", 1, 0, False, decision()))
    del message[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(message, DecisionMessage.model_json_schema())


def test_what_is_shed_first_is_what_matters_least() -> None:
    why = {"text": "t", "top": [[f"f{n:02}", n, 1] for n in range(60)], "extra": "y" * 4000}
    kept = json.loads(decision_json("d", "ab", 1, 0, False, decision(why=why)))["why"]
    assert "extra" not in kept
    assert kept["text"] == "t"
    assert kept["top"] == [list(each) for each in why["top"]]  # 60 short entries fit once the extra is gone


def test_a_gap_is_kept_when_everything_else_has_to_go() -> None:
    gap = [["ab12", 1, [[n, n] for n in range(0, 600, 2)]]]
    why = {"text": "z" * 5000, "top": [["f", 1, 1]] * 50, "gap": gap}
    text = decision_json("d", "ab", 1, 0, False, decision(event="gap", why=why, model=None, score=-1))
    assert len(text) <= LIMIT_BYTES
    assert json.loads(text)["why"]["gap"] == gap


def test_a_gap_too_long_for_any_message_is_named_as_shortened_not_sent_broken() -> None:
    text = decision_json("d", "ab", 1, 0, False, decision(event="gap", why={"text": "g", "gap": list(range(3000))}))
    assert json.loads(text)["why"]["gap"] == "(shortened)"


def test_hist_is_set_without_reading_the_text() -> None:
    text = decision_json("d", "ab", 1, 0, False, decision(why={"text": '"hist":false}'}))
    assert json.loads(with_hist(text)) == json.loads(text) | {"hist": True}
