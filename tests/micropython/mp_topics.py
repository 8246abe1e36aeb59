"""Topics: the same strings and the same refusals under every runtime."""

from edge_app.transport.topics import Topics, check_id, parse


def _refused(call, *arguments):
    try:
        call(*arguments)
    except ValueError:
        return True
    return False


def test_the_topics_of_a_device_are_those_of_the_contract():
    topics = Topics("plant-a", "pump-7")
    assert topics.state == "edge/1/plant-a/pump-7/state"
    assert topics.health == "edge/1/plant-a/pump-7/health"
    assert topics.cmd == "edge/1/plant-a/pump-7/cmd"
    assert topics.cmd_reply == "edge/1/plant-a/pump-7/cmd/r"
    assert topics.decisions("predictive_maintenance") == "edge/1/plant-a/pump-7/d/predictive_maintenance"
    assert topics.now("a") == "edge/1/plant-a/pump-7/now/a"
    assert topics.ack("plant") == "edge/1/plant-a/pump-7/ack/plant"
    assert topics.ack_filter == "edge/1/plant-a/pump-7/ack/+"
    assert Topics("s", "d", "Site/x").state == "Site/x/1/s/d/state"


def test_every_topic_is_read_back():
    topics = Topics("s", "d")
    assert parse(topics.state) == ("s", "d", "state", "")
    assert parse(topics.health) == ("s", "d", "health", "")
    assert parse(topics.cmd) == ("s", "d", "cmd", "")
    assert parse(topics.cmd_reply) == ("s", "d", "cmd/r", "")
    assert parse(topics.decisions("a")) == ("s", "d", "d", "a")
    assert parse(topics.now("a")) == ("s", "d", "now", "a")
    assert parse(topics.ack("m")) == ("s", "d", "ack", "m")


def test_foreign_topics_are_refused():
    for bad in (
        "",
        "edge/2/s/d/state",
        "edge/1/s/d",
        "edge/1/s/d/ack",
        "edge/1/s/d/d/",
        "edge/1/s/d/d/a/b",
        "edge/1/S/d/state",
        "edge/1//d/state",
        "other/1/s/d/state",
        "edge/1/s/d/cmd/x",
    ):
        assert _refused(parse, bad), bad


def test_ids_with_wild_cards_slashes_or_capitals_are_refused():
    for bad in ("", "a" * 49, "a/b", "+", "#", "A", "ä", "a b", "a\x00", "$SYS"):
        assert _refused(check_id, bad), bad
        assert _refused(Topics, bad, "d")
        assert _refused(Topics, "s", bad)
    assert check_id("a" * 48) == "a" * 48
