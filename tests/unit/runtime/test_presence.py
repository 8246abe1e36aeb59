"""The retained picture of an app's pipelines, painted by several threads."""

import json
import threading
from types import SimpleNamespace

from edge_app.runtime.presence import Presence
from edge_app.testing.clock import FakeClock
from edge_app.transport.topics import Topics

NORMAL = {"state": "normal", "level": "ok", "flags": []}


class ComparedSlowly(dict):
    """Fields in whose comparison another thread gets its turn."""

    def __init__(self, fields, meanwhile):
        super().__init__(fields)
        self.meanwhile = meanwhile

    def __eq__(self, other):
        self.meanwhile()
        return super().__eq__(other)

    __hash__ = None


def make_presence():
    return Presence(SimpleNamespace(jid="ab", boot=1), Topics("lab", "rig"), "rig", FakeClock(), None)


def pipes(presence):
    (message,) = presence.take_now(0.0)
    return json.loads(message.payload)["pipes"]


def test_two_pipelines_that_speak_at_once_are_both_in_the_picture():
    presence = make_presence()
    other = threading.Thread(target=presence.set_now, args=("app", "pump", NORMAL))

    def meanwhile():
        if not other.ident:
            other.start()
            other.join(0.05)

    presence.set_now("app", "bearing", ComparedSlowly(NORMAL, meanwhile))
    other.join(5.0)
    assert pipes(presence) == {"bearing": NORMAL, "pump": NORMAL}


def test_what_did_not_change_is_no_news():
    presence = make_presence()
    assert presence.set_now("app", "bearing", NORMAL)
    assert not presence.set_now("app", "bearing", dict(NORMAL))
