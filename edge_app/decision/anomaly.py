# Runs unchanged on MicroPython.
"""The decider for anomaly scores: evidence and delays in front of the alarm's life cycle."""

from edge_app.core.errors import ControlError
from edge_app.decision.alarm import (
    ALARM_EVENT,
    BLIND,
    CLEAR,
    HIGH,
    IDLE,
    QUIET,
    RAISE,
    RUNS,
    SHELVE_MINUTES,
    SHOWN,
    START,
    STATES,
    STILL,
    UNKNOWN,
    WAIT,
    Alarm,
)
from edge_app.decision.rules import Delay, Evidence, Limiter

SNAPSHOT_VERSION = 1
TIME_MAX_MS = 1 << 50


class AnomalyDecider:
    """Decides from scores when to speak. Times come from the caller and do not go back; all integers.

    Parameters
    ----------
    raise_above, clear_below : int
        Scores 0..10000: a window above the one speaks for the alarm, below the other against it.
    hits, of : int
        The alarm is due when `hits` of the last `of` judged windows speak for it.
    on_delay_ms, off_delay_ms : int
        How long the evidence must hold before the alarm is raised, or cleared.
    unknown_after, idle_after : int
        So many windows in a row that cannot be judged, or stand still, change the state; fewer are passed over.
    level, latch, max_per_hour, remind_ms
        As in `Alarm`.
    """

    def __init__(
        self,
        raise_above: int,
        clear_below: int,
        hits: int = 1,
        of: int = 1,
        on_delay_ms: int = 0,
        off_delay_ms: int = 0,
        unknown_after: int = 3,
        idle_after: int = 3,
        level: str = "alarm",
        latch: bool = False,
        max_per_hour: int = 12,
        remind_ms: int = 0,
    ) -> None:
        self.evidence = Evidence(raise_above, clear_below, hits, of)
        self.on_delay = Delay(on_delay_ms)
        self.off_delay = Delay(off_delay_ms)
        self.unknown_after = unknown_after
        self.idle_after = idle_after
        self.alarm = Alarm(level, latch, max_per_hour, remind_ms)
        self.of = of
        self._now_ms = 0
        self._run = 0  # windows in a row without judgement: positive unknown, negative idle

    @property
    def state(self) -> str:
        """normal, pending, active, unknown or idle."""
        return SHOWN[self.alarm.state]

    @property
    def level(self) -> str:
        """ok, info, warn or alarm."""
        return self.alarm.level

    @property
    def flags(self) -> tuple[str, ...]:
        """Of latched, acked, shelved, suppressed."""
        return self.alarm.flags

    @property
    def standing(self) -> bool:
        """The alarm was raised and has not been judged healthy since."""
        return self.alarm.standing

    @property
    def threshold(self) -> int:
        """The score that counts now: clear_below while the alarm stands, else raise_above."""
        return self.evidence.clear_below if self.alarm.standing else self.evidence.raise_above

    def threshold_for(self, event: str) -> int:
        """The score whose crossing led to an event; for the others the one that counts now."""
        if event == "raised":
            return self.evidence.raise_above
        return self.evidence.clear_below if event == "cleared" else self.threshold

    @property
    def hits(self) -> int:
        """How many of the last `of` windows speak for the alarm."""
        return self.evidence.above()

    @property
    def hits_needed(self) -> int:
        """How many must."""
        return self.evidence.hits

    @property
    def withheld(self) -> int:
        """Alarms held back so far by a shelf, a parent or the rate limit when they began."""
        return self.alarm.withheld

    def step(self, verdict: str, score: int, now_ms: int) -> tuple[str, ...]:
        """Take one window: "judged" with its score, "unknown" or "idle". Gives the events to tell, in order."""
        if now_ms > self._now_ms:
            self._now_ms = now_ms
        if verdict == "judged":
            symbol = self._weigh(score)
        elif verdict == "unknown":
            symbol = self._cannot(1, self.unknown_after, BLIND)
        elif verdict == "idle":
            symbol = self._cannot(-1, self.idle_after, STILL)
        else:
            raise ValueError("verdict must be judged, unknown or idle, not %r" % (verdict,))
        return self.alarm.step(symbol, self._now_ms)

    def _weigh(self, score: int) -> int:
        self._run = 0
        evidence = self.evidence
        evidence.push(score)
        if self.alarm.standing:
            return CLEAR if self.off_delay.update(evidence.is_over(), self._now_ms) else QUIET
        self.off_delay.reset()
        due = evidence.is_due()
        if self.on_delay.update(due, self._now_ms):
            self.on_delay.reset()
            return RAISE
        return HIGH if due else QUIET

    def _cannot(self, direction: int, after: int, symbol: int) -> int:
        """Count one more window without judgement; after enough of them the evidence is stale and forgotten."""
        self._run = self._run + direction if self._run * direction > 0 else direction
        if self._run * direction < after:
            return WAIT
        self._run = after * direction
        self.evidence.reset()
        self.on_delay.reset()
        self.off_delay.reset()
        return symbol

    def suppress(self, on: bool, now_ms: int) -> tuple[str, ...]:
        """The parent pipeline's alarm stands (`on`), or does no longer."""
        self._now_ms = max(self._now_ms, now_ms)
        return self.alarm.suppress(on, self._now_ms)

    def command(self, name: str, now_ms: int, minutes: int | None = None) -> tuple[str, ...]:
        """A person's command: ack, shelve (for `minutes`), unshelve or reset. Raises ControlError when out of place."""
        self._now_ms = max(self._now_ms, now_ms)
        if name == "ack":
            return self.alarm.acknowledge(self._now_ms)
        if name == "shelve":
            return self.alarm.shelve(SHELVE_MINUTES if minutes is None else minutes, self._now_ms)
        if name == "unshelve":
            return self.alarm.unshelve(self._now_ms)
        if name == "reset":
            self.evidence.reset()
            return self.alarm.reset(self._now_ms)
        raise ControlError("there is no command %r" % (name,), "Known are ack, shelve, unshelve and reset.")

    def snapshot(self) -> dict[str, object]:
        """What must outlive the process, as integers, texts and lists; times as milliseconds ago or to go."""
        alarm = self.alarm
        now_ms = self._now_ms
        return {
            "v": SNAPSHOT_VERSION,
            "state": alarm.state,
            "above": self.evidence.above_bits,
            "below": self.evidence.below_bits,
            "run": self._run,
            "on_ago": _ago(self.on_delay.since_ms, now_ms),
            "off_ago": _ago(self.off_delay.since_ms, now_ms),
            "latched": 1 if alarm.latched else 0,
            "acked": 1 if alarm.acked else 0,
            "suppressed": 1 if alarm.suppressed else 0,
            "shelved_left": max(0, alarm.shelved_until_ms - now_ms) if alarm.shelved_until_ms >= 0 else -1,
            "told_view": alarm.told_view,
            "told_alarm": alarm.told_alarm,
            "reminded_ago": now_ms - alarm.reminded_ms,
            "withheld": alarm.withheld,
            "views_ago": [now_ms - each for each in alarm.view_limit.times_ms],
            "raises_ago": [now_ms - each for each in alarm.raise_limit.times_ms],
        }

    def restore(self, snapshot: dict, now_ms: int, away_ms: int = 0) -> bool:
        """Take a snapshot over; false, and nothing changed, when it is damaged, foreign or of another version.

        `away_ms` is the time between the snapshot and now, when the caller knows it; a shelf ends that much sooner.
        """
        if not _is_snapshot(snapshot):
            return False
        alarm = self.alarm
        self._now_ms = now_ms
        alarm.state = snapshot["state"]
        self.evidence.restore(snapshot["above"], snapshot["below"])
        self._run = snapshot["run"]
        self.on_delay.since_ms = _since(snapshot["on_ago"], now_ms)
        self.off_delay.since_ms = _since(snapshot["off_ago"], now_ms)
        alarm.latched = snapshot["latched"] == 1
        alarm.acked = snapshot["acked"] == 1
        alarm.suppressed = snapshot["suppressed"] == 1
        left_ms = snapshot["shelved_left"]
        alarm.shelved_until_ms = -1 if left_ms < 0 else now_ms + max(0, left_ms - away_ms)
        alarm.told_view = snapshot["told_view"]
        alarm.told_alarm = snapshot["told_alarm"]
        alarm.reminded_ms = now_ms - snapshot["reminded_ago"] - away_ms
        alarm.withheld = snapshot["withheld"]
        _restore_limit(alarm.view_limit, snapshot["views_ago"], now_ms - away_ms)
        _restore_limit(alarm.raise_limit, snapshot["raises_ago"], now_ms - away_ms)
        return True


def _restore_limit(limit: Limiter, ages_ms: list[int], then_ms: int) -> None:
    limit.times_ms = sorted([then_ms - each for each in ages_ms])[-max(limit.per_hour, 1) :]


def _ago(since_ms: int | None, now_ms: int) -> int:
    return -1 if since_ms is None else now_ms - since_ms


def _since(ago_ms: int, now_ms: int) -> int | None:
    return None if ago_ms < 0 else now_ms - ago_ms


def _is_integer(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and value is not True and value is not False and lowest <= value <= highest


def _is_ages(value: object) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) > 10000:
        return False
    return all(_is_integer(each, -TIME_MAX_MS, TIME_MAX_MS) for each in value)


_INTEGERS = {
    "v": (SNAPSHOT_VERSION, SNAPSHOT_VERSION),
    "above": (0, (1 << 24) - 1),
    "below": (0, (1 << 24) - 1),
    "run": (-1000000, 1000000),
    "on_ago": (-1, TIME_MAX_MS),
    "off_ago": (-1, TIME_MAX_MS),
    "latched": (0, 1),
    "acked": (0, 1),
    "suppressed": (0, 1),
    "shelved_left": (-TIME_MAX_MS, TIME_MAX_MS),
    "reminded_ago": (-TIME_MAX_MS, TIME_MAX_MS),
    "withheld": (0, TIME_MAX_MS),
}


def _is_snapshot(snapshot: object) -> bool:
    """Whether every part of a snapshot is there and of its kind."""
    if not isinstance(snapshot, dict):
        return False
    for name in _INTEGERS:
        lowest, highest = _INTEGERS[name]
        if not _is_integer(snapshot.get(name), lowest, highest):
            return False
    told = [pair[0] for pair in ALARM_EVENT]
    return (
        snapshot.get("state") in STATES
        and snapshot.get("told_view") in (START, RUNS, UNKNOWN, IDLE)
        and snapshot.get("told_alarm") in told
        and _is_ages(snapshot.get("views_ago"))
        and _is_ages(snapshot.get("raises_ago"))
    )
