# Runs unchanged on MicroPython.
"""The life cycle of one alarm, as a table.

Source: ISA-18.2-2016, "Alarm state transition diagram"; OPC UA Part 9, AlarmConditionType.

The condition is one of eight; people see five: `start` as `unknown`, the last two as `unknown` and `idle` with the
alarm's level held:

- start: nothing is known yet, and nobody has been told so
- normal: judged, nothing wrong
- pending: judged, the evidence is there, the on-delay still runs
- active: the alarm stands
- unknown: cannot be judged
- idle: the machine stands still; not judged
- active_unknown: cannot be judged while the alarm stands; it stands until a judged window clears it
- active_idle: stopped while the alarm stands; a stopped machine is not a repaired one

Independent of it are the flags: latched (it went back to normal, but a person must reset it), acked, shelved (a
person asked for quiet until a time) and suppressed (its parent's alarm explains it). Shelved and suppressed hold back
notifications, never the state. What is told is the difference between what was told last and what is now, so nothing
held back is lost: it is told when the reason ends, unless there is nothing left to tell.
"""

from edge_app.core.errors import ControlError
from edge_app.decision.rules import Limiter

NORMAL, PENDING, ACTIVE, UNKNOWN, IDLE = "normal", "pending", "active", "unknown", "idle"
START, ACTIVE_UNKNOWN, ACTIVE_IDLE = "start", "active_unknown", "active_idle"
STATES = (START, NORMAL, PENDING, ACTIVE, UNKNOWN, IDLE, ACTIVE_UNKNOWN, ACTIVE_IDLE)

QUIET = 0  # judged; the evidence is not there, and not against an alarm either
HIGH = 1  # judged; the evidence is there, the on-delay still runs
RAISE = 2  # judged; the evidence is there and the on-delay over
CLEAR = 3  # judged; the evidence against the alarm is there and the off-delay over
BLIND = 4  # cannot be judged, for long enough to say so
STILL = 5  # the machine stands still, for long enough to say so
WAIT = 6  # a single bad or still window: nothing is concluded
INPUTS = (QUIET, HIGH, RAISE, CLEAR, BLIND, STILL, WAIT)

# fmt: off
TABLE = {
    #                QUIET   HIGH     RAISE   CLEAR   BLIND           STILL        WAIT
    START:          (NORMAL, PENDING, ACTIVE, NORMAL, UNKNOWN,        IDLE,        START),
    NORMAL:         (NORMAL, PENDING, ACTIVE, NORMAL, UNKNOWN,        IDLE,        NORMAL),
    PENDING:        (NORMAL, PENDING, ACTIVE, NORMAL, UNKNOWN,        IDLE,        PENDING),
    UNKNOWN:        (NORMAL, PENDING, ACTIVE, NORMAL, UNKNOWN,        IDLE,        UNKNOWN),
    IDLE:           (NORMAL, PENDING, ACTIVE, NORMAL, UNKNOWN,        IDLE,        IDLE),
    ACTIVE:         (ACTIVE, ACTIVE,  ACTIVE, NORMAL, ACTIVE_UNKNOWN, ACTIVE_IDLE, ACTIVE),
    ACTIVE_UNKNOWN: (ACTIVE, ACTIVE,  ACTIVE, NORMAL, ACTIVE_UNKNOWN, ACTIVE_IDLE, ACTIVE_UNKNOWN),
    ACTIVE_IDLE:    (ACTIVE, ACTIVE,  ACTIVE, NORMAL, ACTIVE_UNKNOWN, ACTIVE_IDLE, ACTIVE_IDLE),
}

SHOWN = {START: UNKNOWN, NORMAL: NORMAL, PENDING: PENDING, ACTIVE: ACTIVE, UNKNOWN: UNKNOWN,
         IDLE: IDLE, ACTIVE_UNKNOWN: UNKNOWN, ACTIVE_IDLE: IDLE}
"""What people see of each state."""

RUNS = "runs"
VIEW = {START: START, NORMAL: RUNS, PENDING: RUNS, ACTIVE: RUNS, UNKNOWN: UNKNOWN,
        IDLE: IDLE, ACTIVE_UNKNOWN: UNKNOWN, ACTIVE_IDLE: IDLE}
"""Whether the machine can be judged; VIEW_EVENT tells its changes."""

VIEW_EVENT = {(START, RUNS): "known",     (START, UNKNOWN): "unknown", (START, IDLE): "idle",
              (UNKNOWN, RUNS): "known",   (IDLE, RUNS): "started",
              (RUNS, UNKNOWN): "unknown", (IDLE, UNKNOWN): "unknown",
              (RUNS, IDLE): "idle",       (UNKNOWN, IDLE): "idle"}

NONE, STANDS, LATCHED = "none", "stands", "latched"
ALARM_EVENT = {(NONE, STANDS): "raised",     (NONE, LATCHED): "raised",
               (STANDS, NONE): "cleared",    (LATCHED, NONE): "cleared",
               (STANDS, LATCHED): "changed", (LATCHED, STANDS): "changed"}
"""(what was told, what is now) → event. `raised` comes only from none and `cleared` only to none: they alternate."""
# fmt: on

STANDING = (ACTIVE, ACTIVE_UNKNOWN, ACTIVE_IDLE)
NOTHING: tuple[str, ...] = ()
SHELVE_MINUTES = 60
SHELVE_MINUTES_MAX = 7 * 24 * 60


class Alarm:
    """One alarm: takes inputs of the table and commands of people, gives the events to tell.

    Parameters
    ----------
    level : str
        "warn" or "alarm": how loud it is while it stands or is latched.
    latch : bool
        Back to normal is not enough: a person must reset it.
    max_per_hour : int
        Most `raised`, and most changes between judged, unknown and idle, told in an hour; 0 means no limit.
    remind_ms : int
        A standing alarm nobody acknowledged is told again (`changed`) after this; 0 never.
    """

    def __init__(self, level: str = "alarm", latch: bool = False, max_per_hour: int = 12, remind_ms: int = 0) -> None:
        self.level_when_raised = level
        self.latch = latch
        self.remind_ms = remind_ms
        self.state = START
        self.latched = False
        self.acked = False
        self.suppressed = False
        self.shelved_until_ms = -1
        self.told_view = START
        self.told_alarm = NONE
        self.reminded_ms = 0
        self.withheld = 0
        self.view_limit = Limiter(max_per_hour)
        self.raise_limit = Limiter(max_per_hour)

    @property
    def standing(self) -> bool:
        """Raised and not yet judged healthy again."""
        return self.state in STANDING

    @property
    def alarm(self) -> str:
        """NONE, STANDS or LATCHED."""
        if self.state in STANDING:
            return STANDS
        return LATCHED if self.latched else NONE

    @property
    def level(self) -> str:
        """ok, info (cannot be judged), or the alarm's level."""
        if self.alarm != NONE:
            return self.level_when_raised
        return "info" if self.state in (START, UNKNOWN) else "ok"

    @property
    def flags(self) -> tuple[str, ...]:
        """Of latched, acked, shelved, suppressed: those that are set, in this order."""
        names = []
        if self.latched:
            names.append("latched")
        if self.acked:
            names.append("acked")
        if self.shelved_until_ms >= 0:
            names.append("shelved")
        if self.suppressed:
            names.append("suppressed")
        return tuple(names)

    def step(self, symbol: int, now_ms: int) -> tuple[str, ...]:
        """Take one input of the table; gives the events to tell, in order."""
        was_standing = self.state in STANDING
        self.state = TABLE[self.state][symbol]
        stands = self.state in STANDING
        if stands and not was_standing:
            self._begin(now_ms)
        elif was_standing and not stands:
            self._end()
        return self._tell(now_ms)

    def _begin(self, now_ms: int) -> None:
        self.acked = False
        self.latched = False
        self.reminded_ms = now_ms
        if self.is_quiet() or not self.raise_limit.allows(now_ms):
            self.withheld += 1

    def _end(self) -> None:
        if self.latch:
            self.latched = True
        else:
            self.acked = False

    def is_quiet(self) -> bool:
        """Whether alarms are held back by a shelf or a parent."""
        return self.shelved_until_ms >= 0 or self.suppressed

    def _tell(self, now_ms: int) -> tuple[str, ...]:
        """The events that bring what was told to what is."""
        view = VIEW[self.state]
        alarm = self.alarm
        if view == self.told_view and alarm == self.told_alarm and self.shelved_until_ms < 0 and not self.remind_ms:
            return NOTHING
        events = []
        if 0 <= self.shelved_until_ms <= now_ms:
            self.shelved_until_ms = -1
            events.append("unshelved")
        if view != self.told_view and self.view_limit.allows(now_ms):
            events.append(VIEW_EVENT[(self.told_view, view)])
            self.told_view = view
            self.view_limit.note(now_ms)
        event = self._alarm_event(alarm, now_ms)
        if event:
            events.append(event)
        return tuple(events)

    def _alarm_event(self, alarm: str, now_ms: int) -> str:
        if self.is_quiet():
            return ""
        if alarm != self.told_alarm:
            if alarm != NONE:
                if not self.raise_limit.allows(now_ms):
                    return ""
                self.raise_limit.note(now_ms)
            event = ALARM_EVENT[(self.told_alarm, alarm)]
            self.told_alarm = alarm
            self.reminded_ms = now_ms
            return event
        if alarm != NONE and self.remind_ms and not self.acked and now_ms - self.reminded_ms >= self.remind_ms:
            self.reminded_ms = now_ms
            return "changed"
        return ""

    def suppress(self, on: bool, now_ms: int) -> tuple[str, ...]:
        """The parent's alarm began (`on`) or ended; what was held back is told when it ends."""
        self.suppressed = on
        return self._tell(now_ms)

    def acknowledge(self, now_ms: int) -> tuple[str, ...]:
        """A person has seen it. Raises ControlError when there is nothing to acknowledge."""
        if self.alarm == NONE:
            raise ControlError("there is no alarm to acknowledge", "`edge-app why` shows the present state.")
        if self.acked:
            raise ControlError("this alarm is acknowledged already", "It stays until the cause is gone.")
        self.acked = True
        return ("acked",)

    def shelve(self, minutes: int, now_ms: int) -> tuple[str, ...]:
        """Hold notifications back for some minutes; shelving again sets a new end. Raises ControlError."""
        if not 1 <= minutes <= SHELVE_MINUTES_MAX:
            raise ControlError(
                "an alarm can be shelved for 1 to %d minutes, not %d" % (SHELVE_MINUTES_MAX, minutes),
                "Give a number of minutes in this range.",
            )
        self.shelved_until_ms = now_ms + minutes * 60000
        return ("shelved",)

    def unshelve(self, now_ms: int) -> tuple[str, ...]:
        """End the shelf now; what was held back is told. Raises ControlError when it is not shelved."""
        if self.shelved_until_ms < 0:
            raise ControlError("this alarm is not shelved", "`edge-app shelve` would shelve it.")
        self.shelved_until_ms = now_ms
        return self._tell(now_ms)

    def reset(self, now_ms: int) -> tuple[str, ...]:
        """A person says the cause is dealt with. Raises ControlError while the machine is judged and still bad."""
        if self.alarm == NONE:
            raise ControlError("there is no alarm to reset", "`edge-app why` shows the present state.")
        if self.state == ACTIVE:
            raise ControlError(
                "the cause is still there: the alarm cannot be reset while the machine runs and is judged bad",
                "Acknowledge it (`edge-app ack`), or hold it back for a while (`edge-app shelve`).",
            )
        if self.state == ACTIVE_IDLE:
            self.state = IDLE
        elif self.state == ACTIVE_UNKNOWN:
            self.state = UNKNOWN
        self.latched = False
        self.acked = False
        told, self.told_alarm = self.told_alarm, NONE
        return ("reset",) if told == NONE else ("reset", "cleared")
