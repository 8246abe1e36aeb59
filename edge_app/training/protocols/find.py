"""Protocols by the name evaluate.yaml gives them."""

from __future__ import annotations

from collections.abc import Mapping

from edge_app.config.errors import nearest
from edge_app.core.errors import ConfigError
from edge_app.training.protocols import anomaly, beats, classify, group_baseline, heart_rate, own_baseline, quiet
from edge_app.training.protocols.base import Run

PROTOCOLS: Mapping[str, Run] = {
    "anomaly": anomaly.run,
    "quiet": quiet.run,
    "own_baseline": own_baseline.run,
    "group_baseline": group_baseline.run,
    "classify": classify.run,
    "beats": beats.run,
    "heart_rate": heart_rate.run,
}


def find_protocol(name: str) -> Run:
    """The function of a protocol. Raises ConfigError naming those there are."""
    if name not in PROTOCOLS:
        guess = nearest(name, list(PROTOCOLS))
        hint = f"Did you mean {guess}? " if guess else ""
        raise ConfigError(f"there is no protocol `{name}`.", f"{hint}Protocols: {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]
