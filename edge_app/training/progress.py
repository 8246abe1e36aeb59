"""What something long tells while it runs: its steps with their figures, and how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Where a training, an evaluation, a backtest tells what it does."""

    def say(self, step: str, figures: str) -> None:
        """A step is done."""

    def at(self, step: str, done: int, total: int, figures: str = "") -> None:
        """So many of a long step's parts are done."""


class Silent:
    """Tells nobody."""

    def say(self, step: str, figures: str) -> None:
        """Nothing."""

    def at(self, step: str, done: int, total: int, figures: str = "") -> None:
        """Nothing."""


UNWATCHED = Silent()
