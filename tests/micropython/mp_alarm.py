"""The alarm's life, told as stories, under every runtime."""

from edge_app.core.errors import ControlError
from edge_app.decision.alarm import BLIND, CLEAR, HIGH, INPUTS, QUIET, RAISE, SHOWN, STATES, STILL, TABLE, WAIT, Alarm
from edge_app.decision.anomaly import AnomalyDecider

HOUR = 3600000


def _refused(call, *arguments):
    try:
        call(*arguments)
    except ControlError:
        return True
    return False


def _running(**settings):
    """An alarm of a machine that is judged normal."""
    alarm = Alarm(**settings)
    assert alarm.step(QUIET, 0) == ("known",)
    return alarm


def _standing(**settings):
    alarm = _running(**settings)
    assert alarm.step(RAISE, 1000) == ("raised",)
    return alarm


def test_the_table_has_a_state_for_every_cell():
    assert sorted(TABLE) == sorted(STATES)
    for state in STATES:
        assert len(TABLE[state]) == len(INPUTS)
        for target in TABLE[state]:
            assert target in STATES


def test_before_the_first_window_nothing_is_known():
    alarm = Alarm()
    assert (SHOWN[alarm.state], alarm.level, alarm.flags) == ("unknown", "info", ())


def test_that_the_first_windows_cannot_be_judged_is_told():
    alarm = Alarm()
    assert alarm.step(WAIT, 1) == ()
    assert alarm.step(BLIND, 2) == ("unknown",)
    assert alarm.step(BLIND, 3) == ()


def test_pending_is_passed_over_in_silence():
    alarm = _running()
    assert alarm.step(HIGH, 1) == ()
    assert (alarm.state, alarm.level) == ("pending", "ok")
    assert alarm.step(QUIET, 2) == ()
    assert alarm.state == "normal"


def test_raised_and_cleared():
    alarm = _standing()
    assert (alarm.state, alarm.level) == ("active", "alarm")
    assert alarm.step(QUIET, 2000) == ()
    assert alarm.step(CLEAR, 3000) == ("cleared",)
    assert (alarm.state, alarm.level, alarm.flags) == ("normal", "ok", ())


def test_a_stopped_machine_keeps_its_alarm_until_it_is_judged_normal():
    alarm = _standing()
    assert alarm.step(STILL, 2000) == ("idle",)
    assert (alarm.state, alarm.level) == ("active_idle", "alarm")
    assert alarm.step(QUIET, 3000) == ("started",)
    assert alarm.state == "active"
    assert alarm.step(CLEAR, 4000) == ("cleared",)


def test_an_alarm_that_can_not_be_judged_stands():
    alarm = _standing()
    assert alarm.step(BLIND, 2000) == ("unknown",)
    assert alarm.level == "alarm"
    assert alarm.step(WAIT, 2500) == ()
    assert alarm.step(STILL, 3000) == ("idle",)
    assert alarm.step(BLIND, 3500) == ("unknown",)
    assert alarm.step(CLEAR, 4000) == ("known", "cleared")


def test_a_latched_alarm_waits_for_a_person():
    alarm = _standing(latch=True)
    assert _refused(alarm.reset, 1500)  # the cause is still there
    assert alarm.step(CLEAR, 2000) == ("changed",)
    assert (alarm.state, alarm.level, alarm.flags) == ("normal", "alarm", ("latched",))
    assert alarm.step(RAISE, 3000) == ("changed",)  # it came back before anyone looked: the same alarm
    assert alarm.flags == ()
    assert alarm.step(CLEAR, 4000) == ("changed",)
    assert alarm.reset(5000) == ("reset", "cleared")
    assert (alarm.level, alarm.flags) == ("ok", ())


def test_an_acknowledgement_belongs_to_one_alarm():
    alarm = _standing()
    assert alarm.acknowledge(1500) == ("acked",)
    assert alarm.flags == ("acked",)
    assert _refused(alarm.acknowledge, 1600)
    alarm.step(CLEAR, 2000)
    assert alarm.flags == ()
    assert alarm.step(RAISE, 3000) == ("raised",)
    assert alarm.flags == ()


def test_commands_without_an_alarm_are_refused():
    alarm = _running()
    assert _refused(alarm.acknowledge, 1)
    assert _refused(alarm.reset, 1)
    assert _refused(alarm.unshelve, 1)
    assert _refused(alarm.shelve, 0, 1)
    assert _refused(alarm.shelve, 7 * 24 * 60 + 1, 1)


def test_a_shelf_hides_the_news_and_not_the_state():
    alarm = _running()
    assert alarm.shelve(10, 0) == ("shelved",)
    assert alarm.step(RAISE, 1000) == ()
    assert (alarm.state, alarm.level, alarm.flags, alarm.withheld) == ("active", "alarm", ("shelved",), 1)
    assert alarm.step(QUIET, 599999) == ()
    assert alarm.step(QUIET, 600000) == ("unshelved", "raised")
    assert alarm.flags == ()


def test_what_came_and_went_on_the_shelf_is_not_told():
    alarm = _running()
    alarm.shelve(10, 0)
    alarm.step(RAISE, 1000)
    assert alarm.step(CLEAR, 2000) == ()
    assert alarm.unshelve(3000) == ("unshelved",)
    assert alarm.withheld == 1


def test_a_told_alarm_that_clears_on_the_shelf_is_told_cleared_later():
    alarm = _standing()
    alarm.shelve(10, 1500)
    assert alarm.step(CLEAR, 2000) == ()
    assert alarm.unshelve(3000) == ("unshelved", "cleared")


def test_the_shelf_does_not_hide_that_a_machine_can_not_be_judged():
    alarm = _running()
    alarm.shelve(10, 0)
    assert alarm.step(BLIND, 1000) == ("unknown",)


def test_a_parent_suppresses_and_releases():
    alarm = _running()
    assert alarm.suppress(True, 500) == ()
    assert alarm.step(RAISE, 1000) == ()
    assert alarm.flags == ("suppressed",)
    assert alarm.suppress(False, 2000) == ("raised",)


def test_a_chattering_alarm_is_told_so_often_and_no_more():
    alarm = _running(max_per_hour=2)
    told = []
    for minute in range(1, 60):
        told += alarm.step(RAISE, minute * 60000)
        told += alarm.step(CLEAR, minute * 60000 + 30000)
    assert told == ["raised", "cleared", "raised", "cleared"]
    assert alarm.withheld == 57  # 59 alarms, 2 told


def test_an_alarm_held_back_by_the_limit_is_told_when_there_is_room():
    alarm = _running(max_per_hour=1)
    alarm.step(RAISE, 1000)
    alarm.step(CLEAR, 2000)
    assert alarm.step(RAISE, 3000) == ()
    assert alarm.level == "alarm"
    assert alarm.step(QUIET, HOUR + 999) == ()
    assert alarm.step(QUIET, HOUR + 1000) == ("raised",)


def test_an_alarm_nobody_acknowledged_is_told_again():
    alarm = _standing(remind_ms=10000)
    assert alarm.step(QUIET, 10999) == ()
    assert alarm.step(QUIET, 11000) == ("changed",)
    assert alarm.step(QUIET, 20999) == ()
    alarm.acknowledge(20999)
    assert alarm.step(QUIET, 40000) == ()


def test_an_alarm_of_a_stopped_machine_may_be_reset():
    alarm = _standing()
    alarm.step(STILL, 2000)
    assert alarm.reset(3000) == ("reset", "cleared")
    assert (alarm.state, alarm.level) == ("idle", "ok")


def _story(decider, windows):
    told = []
    now = 0
    for verdict, score in windows:
        now += 500
        told += decider.step(verdict, score, now)
    return told


def test_the_decider_tells_a_fault_once_and_its_end_once():
    decider = AnomalyDecider(8000, 6000, 3, 5)
    windows = [("judged", 2500)] * 20 + [("judged", 9500)] * 20 + [("judged", 2500)] * 20
    assert _story(decider, windows) == ["known", "raised", "cleared"]


def test_single_bad_windows_do_not_flap():
    decider = AnomalyDecider(8000, 6000, 3, 5, unknown_after=3, idle_after=3)
    windows = [("judged", 2500), ("unknown", -1), ("unknown", -1), ("judged", 2500), ("idle", -1)] * 50
    assert _story(decider, windows) == ["known"]


def test_evidence_from_before_a_stop_does_not_count_after_it():
    decider = AnomalyDecider(8000, 6000, 3, 5)
    windows = [("judged", 2500), ("judged", 9500), ("judged", 9500)] + [("idle", -1)] * 3 + [("judged", 9500)] * 2
    assert _story(decider, windows) == ["known", "idle", "started"]
    assert decider.hits == 2


def test_the_delays_hold_back_the_alarm_and_its_end():
    decider = AnomalyDecider(8000, 6000, 1, 1, on_delay_ms=2000, off_delay_ms=3000)
    assert decider.step("judged", 2500, 0) == ("known",)
    assert decider.step("judged", 9500, 1000) == ()
    assert decider.state == "pending"
    assert decider.step("judged", 9500, 2999) == ()
    assert decider.step("judged", 9500, 3000) == ("raised",)
    assert decider.step("judged", 2500, 4000) == ()
    assert decider.step("judged", 2500, 6999) == ()
    assert decider.step("judged", 2500, 7000) == ("cleared",)


def test_a_snapshot_carries_everything_to_a_clock_that_starts_anew():
    decider = AnomalyDecider(8000, 6000, 3, 5, latch=True)
    _story(decider, [("judged", 2500)] + [("judged", 9500)] * 4)
    decider.command("ack", 2600)
    decider.command("shelve", 2700, 10)
    other = AnomalyDecider(8000, 6000, 3, 5, latch=True)
    assert other.restore(decider.snapshot(), 7)
    assert other.state == "active"
    assert other.flags == ("acked", "shelved")
    assert other.step("judged", 9500, 7 + 10 * 60000 - 1) == ()
    assert other.step("judged", 9500, 7 + 10 * 60000) == ("unshelved",)


def test_time_away_counts_for_the_shelf():
    decider = AnomalyDecider(8000, 6000)
    decider.step("judged", 100, 0)
    decider.command("shelve", 0, 10)
    other = AnomalyDecider(8000, 6000)
    assert other.restore(decider.snapshot(), 0, 9 * 60000)
    assert other.step("judged", 100, 59999) == ()
    assert other.step("judged", 100, 60000) == ("unshelved",)


def test_a_damaged_snapshot_changes_nothing():
    good = AnomalyDecider(8000, 6000).snapshot()
    for name in good:
        for bad in (None, "x", 1.5, -(1 << 60), 1 << 60, [None], {}, True):
            damaged = dict(good)
            damaged[name] = bad
            assert not AnomalyDecider(8000, 6000).restore(damaged, 0), (name, bad)
        damaged = dict(good)
        del damaged[name]
        assert not AnomalyDecider(8000, 6000).restore(damaged, 0), name
    for foreign in (None, [], "", 5, {}, {"v": 2}):
        assert not AnomalyDecider(8000, 6000).restore(foreign, 0)


def test_unknown_commands_and_verdicts_are_refused():
    decider = AnomalyDecider(8000, 6000)
    assert _refused(decider.command, "explode", 0)
    try:
        decider.step("good", 1, 0)
    except ValueError:
        return
    raise AssertionError
