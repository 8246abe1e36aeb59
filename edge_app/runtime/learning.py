"""Learn normal inside the running process: collect while judging goes on, fit, keep, let it serve; watch for drift."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge_app.core.clock import utc_text
from edge_app.core.errors import BaselineError, ControlError, EdgeAppError
from edge_app.core.files import write_whole
from edge_app.core.results import LearntNormal
from edge_app.inference.normal_settings import Learnable, NormalSettings
from edge_app.runtime.collection import WINDOWS_MIN, Collection
from edge_app.runtime.drift import Drift
from edge_app.runtime.normals import NormalStore, short_hash
from edge_app.runtime.pipeline import Judgement, Pipeline
from edge_app.runtime.timebase import TimeBase

log = logging.getLogger(__name__)

MINUTES_MAX = 7 * 24 * 60
DRIFT_FILE = "drift.json"


@dataclass(frozen=True)
class LearningSpec:
    """What learning needs to know of its pipeline."""

    make_model: Callable[[], Learnable]
    """A fresh instance of the shipped model: engines are not shared between threads."""
    settings: NormalSettings
    """Window, hop and decider; the rest is filled in."""
    inline: bool = False
    """A replay at full speed: fit at once, in the thread that judges."""


class Learning:
    """One pipeline's normal: learnt, kept, changed back; and the drift away from it.

    `take` is called by the pipeline's thread, everything else by the control thread.
    """

    def __init__(self, pipeline: Pipeline, spec: LearningSpec, store: NormalStore, timebase: TimeBase) -> None:
        self.pipeline = pipeline
        self.store = store
        self.drift = Drift(pipeline.extractor.schema.names, spec.settings.hop_s)
        self.number: int | None = None
        """Which normal of the history serves; None: the shipped mapping does."""
        self.unlearned = "normal has not been learnt on this machine"
        """Why the shipped mapping serves."""
        self._spec = spec
        self._time = timebase
        self._mutex = threading.Lock()
        self._collection: Collection | None = None
        self._fitting = False
        self._outcome: dict[str, Any] = {}
        self._thread: threading.Thread | None = None

    # life

    def load(self) -> None:
        """At the start: what serves, what a restart cut short, how far drift had come."""
        words = self.store.ended()
        if words is not None:
            self._outcome = {"result": "aborted", "what": f"{words}: cut short by a restart; nothing of it was kept"}
            log.warning("%s: %s", self.pipeline.identity.key, self._outcome["what"])
        self._serve(self._found())
        # None yet, or damaged: then it is followed anew.
        with contextlib.suppress(OSError, ValueError, RecursionError, AttributeError):
            self.drift.restore(json.loads((self.store.folder / DRIFT_FILE).read_text("utf-8")))

    def save(self) -> None:
        """Keep how far drift has come."""
        if not self.drift.baseline:
            return
        try:
            self.store.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.store.folder / DRIFT_FILE, json.dumps(self.drift.snapshot()).encode())
        except OSError as error:
            log.warning("%s: drift is not kept: %s", self.pipeline.identity.key, error)

    def close(self) -> None:
        """Wait for a fit that runs, keep the drift; after the last window, before the outbox drains."""
        thread = self._thread
        if thread is not None:
            thread.join()
        self.save()

    def _found(self) -> tuple[int, LearntNormal] | str:
        settings, model = self._spec.settings, self.pipeline.shipped
        return self.store.fitting(self.pipeline.extractor.schema.hash, model.identity.sha256, settings.binding)

    def _serve(self, found: tuple[int, LearntNormal] | str, words: str = "") -> None:
        """Let a learnt normal serve, or the shipped mapping for the reason given."""
        model: Any = self.pipeline.shipped
        name = ""
        wander: tuple[int, ...] = ()
        if isinstance(found, str):
            self.number, self.unlearned = None, found
        else:
            self.number, normal = found
            self.unlearned = ""
            model, name, wander = model.with_normal(normal), short_hash(normal), normal.wander
        self.pipeline.adopt(model, name, words)
        standard = model.manifest.standardize
        if getattr(model, "unready", ""):
            return
        name = name or model.identity.sha256[:8]
        self.drift.follow(name, standard.offset, standard.multiplier, standard.shift, wander)

    # windows

    def take(self, judgement: Judgement) -> None:
        """One window of the pipeline, after it was judged."""
        self._watch(judgement)
        with self._mutex:
            collection = self._collection
            if collection is None:
                return
            collection.take(judgement)
            alarm = "raised" in judgement.events and not collection.despite_alarm
            if not alarm and not collection.complete:
                return
            self._collection, self._fitting = None, True
        if alarm:
            self._refuse(BaselineError("an alarm was raised while learning", DESPITE))
        elif self._spec.inline:
            self._fit(collection)
        else:
            self._thread = threading.Thread(target=self._fit, args=(collection,), name="learn", daemon=True)
            self._thread.start()

    def _watch(self, judgement: Judgement) -> None:
        """Drift, over judged windows that speak for no alarm while none stands."""
        decider, inference = self.pipeline.decider, judgement.inference
        if inference is None or judgement.features is None or decider.state != "normal" or decider.level != "ok":
            return
        if inference.score <= decider.threshold_for("raised") and self.drift.take(judgement.features.values):
            words, facts = drift_words(self.drift)
            self.pipeline.notice("drift", words, judgement.window, facts)

    def summary(self) -> tuple[str, dict[str, Any]]:
        """What the hourly summary adds; called by the pipeline."""
        self.save()
        if not self.drift.told:
            return "", {}
        words, facts = drift_words(self.drift)
        return words, {"drift": facts["drift"]}

    # learning

    def start(self, minutes: float, rate: float, *, despite_alarm: bool) -> dict[str, Any]:
        """Begin to collect. Raises ControlError when it makes no sense now."""
        decider = self.pipeline.decider
        if decider.standing and not despite_alarm:
            raise ControlError("an alarm stands: what is seen now may not be normal", DESPITE)
        collection = Collection(
            minutes, rate, len(self.pipeline.extractor.schema.names), self._spec.settings.hop_s, despite_alarm
        )
        with self._mutex:
            if self._collection is not None or self._fitting:
                raise ControlError("learning runs already", "`edge-app learn … --status` shows it, `--cancel` ends it.")
            begun = utc_text(self._time.wall_ms(self._time.now_s()))
            self.store.begin(f"learning of {minutes:g} minutes, begun {begun}")
            self._collection, self._outcome = collection, {}
        return self.status()

    def cancel(self) -> dict[str, Any]:
        """End a learning that runs; nothing of it is kept."""
        with self._mutex:
            if self._collection is None:
                raise ControlError("no learning runs", "`edge-app learn … --status` shows what became of the last one.")
            self._collection = None
            self._outcome = {"result": "cancelled", "what": "cancelled; nothing of it was kept"}
            self.store.ended()
        return self.status()

    def _refuse(self, error: EdgeAppError) -> None:
        self._end({"result": "refused", "what": error.what, "fix": error.fix})
        log.warning("%s: nothing was learnt: %s", self.pipeline.identity.key, error.what)

    def _fit(self, collection: Collection) -> None:
        """Fit and serve, or say why not."""
        try:
            self._learn(collection)
        except EdgeAppError as error:
            self._refuse(error)
        except Exception as error:  # learning must not end the device
            log.exception("learning failed")
            self._refuse(BaselineError(f"{type(error).__name__}: {error}", "This is a fault of edge-app itself."))

    def _learn(self, collection: Collection) -> None:
        from edge_app.inference.normal import fit_normal  # a device that learns nothing needs none of it

        settings = replace(
            self._spec.settings,
            false_alarms_per_week=collection.rate,
            raise_score=self.pipeline.decider.threshold_for("raised"),
            unknown=collection.unknown,
            idle=collection.idle,
            breaks=tuple(collection.breaks),
            windows_min=WINDOWS_MIN,
            quality=collection.quality,
            learnt_ms=max(0, self._time.wall_ms(collection.last_s)),
            clock=self._time.clock_name(),
        )
        values = collection.taken()
        normal = replace(fit_normal(values, self._spec.make_model(), settings), seconds=round(collection.seconds))
        number = self.store.keep(normal, values)
        words = f"Normal {number} learnt from {normal.windows} windows in {minutes_text(normal.seconds)}"
        self._serve((number, normal), words)
        self._end({"result": "learnt", "what": words, "number": number, "notes": list(normal.notes)})

    def _end(self, outcome: dict[str, Any]) -> None:
        """The last act of a learning: only after it may another begin, whose note on the disk is its own."""
        self.store.ended()
        with self._mutex:
            self._outcome, self._fitting = outcome, False

    # what people ask

    def status(self) -> dict[str, Any]:
        """What serves, what runs, what became of the last."""
        with self._mutex:
            collection, fitting = self._collection, self._fitting
        running = collection.progress() if collection is not None else None
        return {
            "app": self.pipeline.identity.app,
            "pipe": self.pipeline.identity.pipeline,
            "learning": "collecting" if running else "fitting" if fitting else "off",
            "progress": running,
            "last": self._outcome or None,
            **self.facts(),
        }

    def facts(self) -> dict[str, Any]:
        """For `why`: which normal serves, or why the shipped one does; what drifts."""
        facts: dict[str, Any] = {"normal": self.number}
        if self.number is None:
            facts["unlearned"] = self.unlearned
        if self.drift.told:
            facts["drift"] = drift_words(self.drift)[0]
        return facts

    def history(self) -> dict[str, Any]:
        """All kept normals, oldest first."""
        return {
            "app": self.pipeline.identity.app,
            "pipe": self.pipeline.identity.pipeline,
            "normals": [kept_facts(each.number, each.normal, each.problem) for each in self.store.history()],
            **self.facts(),
        }

    def rollback(self) -> dict[str, Any]:
        """The normal before this one serves again, or the shipped mapping."""
        self._not_while_learning()
        number = self.store.rollback()
        self._serve(self._found(), f"Rolled back to {'normal ' + str(number) if number else 'the shipped mapping'}")
        return self.status()

    def forget(self) -> dict[str, Any]:
        """Delete all learnt normals; the shipped mapping serves."""
        self._not_while_learning()
        count = self.store.forget()
        self._serve(self._found(), f"{count} learnt normals forgotten; the shipped mapping serves")
        return self.status()

    def compare(self) -> dict[str, Any]:
        """The normal that serves against the one before it."""
        from edge_app.runtime.comparison import compare

        here = {"app": self.pipeline.identity.app, "pipe": self.pipeline.identity.pipeline}
        return here | compare(self.store, self._spec.make_model(), self._spec.settings, self.number)

    def _not_while_learning(self) -> None:
        with self._mutex:
            running = self._collection is not None or self._fitting
        if running:
            raise ControlError("learning runs", "Wait for its end, or `edge-app learn … --cancel`.")


DESPITE = "When you know that the machine is well and the alarm is false, add --despite-alarm."


def drift_words(drift: Drift) -> tuple[str, dict[str, Any]]:
    """A sentence about what wandered, and the same as data."""
    found = drift.finding()
    what = ", ".join(f"{name} {change / 10:+.1f} dB" for name, change in found.top)
    words = f"{found.count} features have wandered from the baseline for hours without an alarm ({what})"
    return words, {"drift": {"features": found.count, "top": [list(each) for each in found.top]}}


def minutes_text(seconds: int) -> str:
    """A duration for people: 12 min, 4.0 h."""
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{round(seconds / 60)} min"


def kept_facts(number: int, normal: LearntNormal | None, problem: str) -> Mapping[str, Any]:
    """One line of the history."""
    if normal is None:
        return {"number": number, "problem": problem}
    return {
        "number": number,
        "learnt": utc_text(normal.learnt_ms),
        "clock": normal.clock,
        "windows": normal.windows,
        "seconds": normal.seconds,
        "false_alarms_per_week": normal.false_alarms_per_week,
        "tail": normal.tail,
        "quality": normal.quality,
        "notes": list(normal.notes),
    }
