"""Acknowledgements dropped, doubled, delayed; connections cut; messages the broker will not have. A real mosquitto."""

from __future__ import annotations

import json
import time

import pytest
from acker import Acker, wait_until
from device_process import TOPICS, decision
from outboxes import running
from proxy import PUBACK, MqttProxy

pytestmark = pytest.mark.broker


def submit(outbox, count: int, level: str = "info") -> None:
    for number in range(count):
        outbox.submit(decision(number, level))


def states_of(acker: Acker) -> list[dict]:
    return [json.loads(payload) for topic, payload, _ in acker.messages if topic == TOPICS.state]


def seqs(acker: Acker) -> set[int]:
    return {seq for _, _, seq in acker.got}


@pytest.mark.parametrize("version", [3, 5])
def test_every_decision_arrives_once_and_in_order_with_the_schema_it_follows(mosquitto, tmp_path, version):
    broker = mosquitto()
    with Acker(broker.port, TOPICS) as acker, running(tmp_path, broker.port, version=version) as outbox:
        assert wait_until(lambda: outbox.link[0] == "up")
        submit(outbox, 200)
        assert outbox.drain(10.0)
        assert wait_until(lambda: len(acker.got) == 200)
        assert list(acker.got) == sorted(acker.got)
        assert set(acker.got.values()) == {1}
        assert all(b'"hist":false' in text for texts in acker.texts.values() for text in texts)
        assert wait_until(lambda: outbox.journal.depth == 0)


@pytest.mark.parametrize("version", [3, 5])
@pytest.mark.parametrize("fate", ["dropped", "doubled", "late"])
def test_acknowledgements_that_are_lost_doubled_or_late_lose_nothing(mosquitto, tmp_path, version, fate):
    def puback(kind, count, packet):
        if kind != PUBACK:
            return [(0.0, packet)]
        return {
            "dropped": [] if count % 5 == 4 else [(0.0, packet)],
            "doubled": [(0.0, packet), (0.0, packet)],
            "late": [(0.02, packet)],
        }[fate]

    broker = mosquitto()
    with (
        Acker(broker.port, TOPICS) as acker,
        MqttProxy(broker.port, from_broker=puback) as proxy,
        running(tmp_path, proxy.port, version=version, ack_timeout_s=0.5) as outbox,
    ):
        submit(outbox, 60)
        assert wait_until(lambda: len(acker.got) >= 60 and outbox.journal.depth == 0, 20.0), outbox.counters()
        assert seqs(acker) >= set(range(60))
        assert proxy.seen["broker", PUBACK] >= 60
        if fate == "dropped":
            assert outbox.counters()["ack_timeouts"] > 0
            copies = [texts for texts in acker.texts.values() if len(texts) > 1]
            assert copies, "what was not acknowledged is sent again"
            assert all(b'"hist":true' in texts[-1] for texts in copies)
        else:
            assert set(acker.got.values()) == {1}


def test_a_connection_cut_again_and_again_loses_nothing(mosquitto, tmp_path):
    broker = mosquitto()
    with (
        Acker(broker.port, TOPICS) as acker,
        MqttProxy(broker.port) as proxy,
        running(tmp_path, proxy.port) as outbox,
    ):
        for _ in range(4):
            submit(outbox, 25)
            wait_until(lambda: outbox.link[0] == "up")
            proxy.cut()
        assert wait_until(lambda: seqs(acker) == set(range(100)) and outbox.journal.depth == 0, 20.0), outbox.counters()
        assert outbox.journal.quarantined == 0


def test_a_broker_that_answers_nothing_any_more_is_left_and_found_again(mosquitto, tmp_path):
    silent = [False]
    broker = mosquitto()
    with (
        Acker(broker.port, TOPICS) as acker,
        MqttProxy(broker.port, from_broker=lambda kind, _n, packet: [] if silent[0] else [(0.0, packet)]) as proxy,
        running(tmp_path, proxy.port, ack_timeout_s=0.5) as outbox,
    ):
        assert wait_until(lambda: outbox.link[0] == "up")
        silent[0] = True
        submit(outbox, 5)
        assert wait_until(lambda: outbox.link[0] == "down", 10.0), "one question, then a new session"
        silent[0] = False
        assert wait_until(lambda: outbox.journal.depth == 0, 20.0)
        assert seqs(acker) == set(range(5))


def poisoned_then_ten_more(outbox, acker) -> None:
    """Decision 3 is poison: it ends in quarantine within three tries, its gap is told, the others arrive."""
    assert wait_until(lambda: outbox.link[0] == "up")
    submit(outbox, 3)
    outbox.submit(decision(3, "warn", text="y" * 3000))
    submit(outbox, 3)
    assert wait_until(lambda: outbox.journal.quarantined == 1, 20.0), outbox.counters()
    submit(outbox, 10)
    assert wait_until(lambda: acker.gaps and len(acker.got) == 17, 20.0), (len(acker.got), outbox.counters())
    assert acker.gaps[0] == {"count": 1, "reason": "refused", "ranges": [[outbox.journal.jid, 1, [[3, 3]]]]}
    assert acker.accounted() == {(outbox.journal.jid, 1, seq) for seq in range(18)}
    assert wait_until(lambda: outbox.journal.depth == 0)
    assert outbox.counters()["refused"] == 3


def test_a_message_that_ends_the_session_each_time_goes_into_quarantine(mosquitto, tmp_path):
    """mosquitto 2.0.11 answers what is too large with a code MQTT 5 does not allow there, and paho hangs up."""
    broker = mosquitto("message_size_limit 2048")
    with Acker(broker.port, TOPICS) as acker, running(tmp_path, broker.port) as outbox:
        poisoned_then_ten_more(outbox, acker)
        assert outbox.counters()["sessions"] <= 6  # one among others, three alone, one without it


@pytest.mark.parametrize("version", [3, 5])
def test_a_message_that_is_swallowed_without_a_word_goes_into_quarantine(mosquitto, tmp_path, version):
    """It would be sent again for ever; that later messages are acknowledged tells it from a slow broker."""
    broker = mosquitto()
    with (
        Acker(broker.port, TOPICS) as acker,
        MqttProxy(broker.port, from_client=lambda _k, _n, each: [] if len(each) > 2048 else [(0.0, each)]) as proxy,
        running(tmp_path, proxy.port, version=version, ack_timeout_s=0.4) as outbox,
    ):
        poisoned_then_ten_more(outbox, acker)
        assert outbox.counters()["sessions"] == 1, "one bad message is no reason to hang up"


def test_a_message_the_broker_may_not_take_is_quarantined_at_once_on_mqtt_5(mosquitto, tmp_path):
    acl = tmp_path / "acl"
    acl.write_text(f"topic read #\ntopic write {TOPICS.state}\ntopic write {TOPICS.health}\n")
    broker = mosquitto(f"acl_file {acl}")
    with running(tmp_path, broker.port) as outbox:
        submit(outbox, 1)
        assert wait_until(lambda: outbox.journal.quarantined >= 1), outbox.counters()
        assert outbox.counters()["refused"] >= 1


def test_live_alarms_go_before_the_backlog(mosquitto, tmp_path):
    def slow_puback(kind, _count, packet):
        return [(0.003 if kind == PUBACK else 0.0, packet)]

    port = mosquitto().port
    with running(tmp_path, 1) as outbox:  # nobody listens on port 1: all of it becomes backlog
        submit(outbox, 1000)
        outbox.drain(5.0)
    with (
        Acker(port, TOPICS) as acker,
        MqttProxy(port, from_broker=slow_puback) as proxy,
        running(tmp_path, proxy.port) as outbox,
    ):
        assert wait_until(lambda: len(acker.got) > 50)
        outbox.submit(decision(0, "alarm"))
        begun_s = time.monotonic()
        alarm = (outbox.journal.jid, 2, 0)
        assert wait_until(lambda: alarm in acker.got, 2.0)
        print(f"alarm after {time.monotonic() - begun_s:.3f} s with {1000 - len(acker.got)} of the backlog to go")
        assert len(acker.got) < 900, "the alarm overtook the backlog"
        assert wait_until(lambda: len(acker.got) == 1001, 20.0)
        assert b'"hist":false' in acker.texts[alarm][0]
        backlog = [key for key in acker.got if key[1] == 1]
        assert backlog == sorted(backlog)
        assert all(b'"hist":true' in acker.texts[key][0] for key in backlog)


def test_receipts_delete_and_what_has_none_is_sent_again(mosquitto, tmp_path):
    broker = mosquitto()
    with (
        Acker(broker.port, TOPICS, "plant", confirms=False) as acker,
        running(tmp_path, broker.port, {"by": ["plant"]}, resend_s=0.5) as outbox,
    ):
        submit(outbox, 10)
        assert wait_until(lambda: len(acker.got) == 10)
        jid = outbox.journal.jid
        acker.send(TOPICS.ack("plant"), json.dumps([[jid, 1, [[0, 3], [8, 9]]]]).encode())
        assert wait_until(lambda: outbox.journal.depth == 4)
        assert outbox.journal.first() == (jid, 1, 4)
        assert wait_until(lambda: all(acker.got[jid, 1, seq] > 1 for seq in range(4, 8))), "sent again after a pause"
        assert all(b'"hist":true' in acker.texts[jid, 1, seq][1] for seq in range(4, 8))
        assert acker.got[jid, 1, 0] == 1
        acker.confirm()
        assert wait_until(lambda: outbox.journal.depth == 0)


def test_a_monitor_that_asks_gets_everything_unconfirmed_at_once(mosquitto, tmp_path):
    broker = mosquitto()
    with (
        Acker(broker.port, TOPICS, "plant", confirms=False) as acker,
        running(tmp_path, broker.port, {"by": ["plant"]}) as outbox,
    ):
        submit(outbox, 5)
        assert wait_until(lambda: len(acker.got) == 5)
        acker.send(TOPICS.ack("plant"), b"[]")  # born anew
        assert wait_until(lambda: all(count == 2 for count in acker.got.values()))


def test_strangers_nonsense_and_retained_receipts_delete_nothing(mosquitto, tmp_path):
    broker = mosquitto()
    with Acker(broker.port, TOPICS) as acker:
        acker.send(TOPICS.ack("plant"), b"[]", retain=True)
        with running(tmp_path, broker.port, {"by": ["plant"]}) as outbox:
            submit(outbox, 3)
            assert wait_until(lambda: len(acker.got) == 3)
            everything = json.dumps([[outbox.journal.jid, 1, [[0, 9]]]]).encode()
            acker.send(TOPICS.ack("stranger"), everything)
            for nonsense in (b"\xff", b"{", b"[[1,2,3]]", b"[[[[[[", everything + b"x", b'[["aa",1,[[5,1]]]]'):
                acker.send(TOPICS.ack("plant"), nonsense)
            assert wait_until(lambda: outbox.counters()["bad_receipts"] == 6)
            assert outbox.journal.depth == 3


def test_birth_will_and_farewell_carry_the_same_jid_and_boot_and_now_is_retained(mosquitto, tmp_path):
    broker = mosquitto()
    with running(tmp_path, broker.port, birth={"apps": ["test_app"]}) as outbox:
        outbox.set_now("test_app", "bearing", {"state": "normal", "level": "ok", "flags": []})
        submit(outbox, 1)
        assert outbox.drain(5.0)
        with Acker(broker.port, TOPICS) as late:
            assert wait_until(lambda: len(late.messages) >= 2)
            kept = {topic: (json.loads(payload), retained) for topic, payload, retained in late.messages}
            birth, retained = kept[TOPICS.state]
            assert retained
            assert (birth["on"], birth["jid"], birth["boot"]) == (True, outbox.journal.jid, 1)
            assert birth["apps"] == ["test_app"]
            now, retained = kept[TOPICS.now("test_app")]
            assert retained
            assert now["pipes"]["bearing"]["state"] == "normal"
            jid = outbox.journal.jid
            outbox.close()
            assert wait_until(lambda: states_of(late)[-1]["on"] is False)
            farewell = states_of(late)[-1]
            assert (farewell["jid"], farewell["boot"], farewell["reason"]) == (jid, 1, "stopped")


def test_when_the_device_vanishes_the_broker_speaks_its_will(mosquitto, tmp_path):
    broker = mosquitto()
    with (
        Acker(broker.port, TOPICS) as acker,
        MqttProxy(broker.port) as proxy,
        running(tmp_path, proxy.port) as outbox,
    ):
        assert wait_until(lambda: outbox.link[0] == "up")
        proxy.cut()
        assert wait_until(lambda: any(not state["on"] for state in states_of(acker)))
        will = next(state for state in states_of(acker) if not state["on"])
        assert (will["jid"], will["boot"], will["reason"]) == (outbox.journal.jid, 1, "connection lost")
        assert wait_until(lambda: states_of(acker)[-1]["on"]), "born again after reconnecting"


@pytest.mark.slow
def test_fifty_thousand_publishes_with_slow_callbacks_never_stall(mosquitto, tmp_path):
    """A lock held around publish() and taken in a callback froze paho 2.x after 622 publishes; here there is none."""
    broker = mosquitto()
    with running(tmp_path, broker.port, max_bytes=64 << 20) as outbox:
        link = outbox._publisher
        note = link._session._sink if link._session else link._sink

        def slow(event):
            time.sleep(0.0001)
            note(event)

        assert wait_until(lambda: outbox.link[0] == "up")
        link._session._sink = slow
        longest_s, begun_s = 0.0, time.monotonic()
        for number in range(50_000):
            at_s = time.monotonic()
            outbox.submit(decision(number))
            longest_s = max(longest_s, time.monotonic() - at_s)
        assert outbox.drain(120.0), outbox.counters()
        took_s = time.monotonic() - begun_s
        assert wait_until(lambda: outbox.journal.depth == 0)
        counts = outbox.counters()
        print(f"50,000 in {took_s:.1f} s, longest submit {longest_s * 1000:.0f} ms, {counts}")
        assert counts["sent"] + counts["resent"] == 50_000
        assert longest_s < 5.0
