"""A loss is always visible: it is told by a decision of its own, event `gap`, which names what will never come."""

from __future__ import annotations

from collections.abc import Sequence

from edge_app.core.clock import Clock, clock_quality
from edge_app.core.results import Decision
from edge_app.journal.journal import Journal
from edge_app.journal.policy import RANK_ALARM, count, rank, take_ranges
from edge_app.journal.records import Entry, Gap

PAUSE_S = 1.0
"""Losses are told at most this often, so that many small ones become one."""
UNHEARD_S = 60.0
"""Pause while the last telling has not been confirmed: many would fill the journal they complain of."""
RANGES = 60
"""Gaps told by one decision: at most 60 × 40 bytes of its 4096."""

_TEXTS = {
    "full": "{n} decisions given up: the journal was full.",
    "refused": "{n} decisions put into quarantine: the broker refused them.",
    "missing": "The journal was deleted; decisions that waited in it are lost.",
    "replaced": "The journal was replaced by an older or foreign copy; decisions may be lost.",
    "damaged": "The journal was damaged and set aside; decisions that waited in it are lost.",
    "unjournaled": "{n} decisions lost before they could be journaled: the disk was full.",
}


def urgency(entry: Entry) -> int:
    """Rank of what is to be committed; gaps and snapshots, which replace themselves, outrank all."""
    d = entry.decision
    return RANK_ALARM + 1 if d is None or d.event == "gap" else rank(d.level)


class GapTeller:
    """Makes gap decisions of what the journal noted and of what never reached it."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._versions: dict[str, str] = {}
        self._seen = -1
        self._last_s = -UNHEARD_S
        self._lost = 0
        self._lost_app = ""
        self.lost_total = 0
        """Decisions that were given up before they were journaled."""

    def heard(self, decision: Decision) -> None:
        """Remember the app: a gap speaks in the name of one."""
        self._versions[decision.app] = decision.app_version

    def shed(self, waiting: list[Entry], most: int) -> None:
        """Shorten what waits in memory for a full disk: lowest rank first, then oldest."""
        while len(waiting) > most:
            at = min(range(len(waiting)), key=lambda index: urgency(waiting[index]))
            entry = waiting.pop(at)
            if entry.decision is not None:
                self._lost += 1
                self.lost_total += 1
                self._lost_app = entry.decision.app

    @property
    def due_s(self) -> float | None:
        """When `tell` has something to say; None when it has not."""
        if not self._versions or self._losses() == self._seen:
            return None
        return self._last_s + (UNHEARD_S if self._journal.telling else PAUSE_S)

    def _losses(self) -> int:
        journal = self._journal
        return journal.dropped + journal.quarantined + len(journal.notes) + self.lost_total

    def tell(self, now_s: float, mono_ms: int) -> list[Entry]:
        """The next gap decision to commit, if one is due."""
        due_s = self.due_s
        if due_s is None or now_s < due_s:
            return []
        losses = self._losses()
        if self._lost:
            lost, self._lost = self._lost, 0
            gap: dict[str, object] = {"reason": "unjournaled", "count": lost}
            return [self._entry("unjournaled", lost, gap, self._lost_app, (), mono_ms, now_s)]
        gaps = self._journal.untold_gaps(RANGES)
        if not gaps:
            self._seen = losses
            return []
        return [self._of_journal(gaps, mono_ms, now_s)]

    def _of_journal(self, gaps: Sequence[Gap], mono_ms: int, now_s: float) -> Entry:
        reason = gaps[0].reason
        told = [gap for gap in gaps if gap.reason == reason]
        app = next((gap.app for gap in reversed(told) if gap.app), "")
        if told[0].first < 0:
            told = told[:1]
            gap: dict[str, object] = {"reason": reason, "after": [told[0].jid, told[0].boot]}
            return self._entry(reason, 0, gap, app, (told[0].id,), mono_ms, now_s)
        grouped, _ = take_ranges([(gap.jid, gap.boot, gap.first, gap.last) for gap in told], RANGES)
        number = sum(count(ranges) for _, _, ranges in grouped)
        gap = {"reason": reason, "count": number, "ranges": grouped}
        return self._entry(reason, number, gap, app, tuple(each.id for each in told), mono_ms, now_s)

    def _entry(
        self,
        reason: str,
        number: int,
        gap: dict[str, object],
        app: str,
        told: tuple[int, ...],
        mono_ms: int,
        now_s: float,
    ) -> Entry:
        self._last_s = now_s
        app = app or next(iter(self._versions))
        wall_ms = self._clock.wall_ms()
        decision = Decision(
            app=app,
            app_version=self._versions.get(app, ""),
            pipeline="",
            event="gap",
            state="unknown",
            level="warn",
            flags=(),
            score=-1,
            threshold=-1,
            why={"text": _TEXTS[reason].format(n=number), "gap": gap},
            quality=0,
            wall_ms=wall_ms,
            clock=clock_quality(wall_ms),
            mono_ms=mono_ms,
            window_ms=0,
            model=None,
        )
        return Entry(decision, gaps=told)
