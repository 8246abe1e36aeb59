"""What people write on the command line of a backtest, as values: keys set differently, sweeps, a device's facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_app.config.load import load_document, parse_document
from edge_app.config.resolve import load_device
from edge_app.config.resolved import ResolvedApp
from edge_app.core.errors import ConfigError
from edge_app.training.backtest.run import Variant

MOST_POINTS = 200


def parse_set(text: str) -> tuple[str, Any]:
    """`KEY=VALUE`, the value as YAML. Raises ConfigError."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key or not value.strip():
        raise ConfigError(
            f"--set {text}: is not KEY=VALUE.", "Write e.g. --set pipelines.bearing.decision.raise_above=0.7"
        )
    return key, parse_document(f"value: {value.strip()}".encode(), Path("--set")).data["value"]


def parse_sweep(text: str) -> tuple[str, list[float]]:
    """`KEY=LOW:HIGH:STEP`, both ends included. Raises ConfigError."""
    key, _, numbers = text.partition("=")
    try:
        low, high, step = (float(part) for part in numbers.split(":"))
        count = int((high - low) / step + 1e-6) + 1
    except (ValueError, ZeroDivisionError, OverflowError):
        low, count, step = 0.0, 0, 0.0
    if not key.strip() or not 2 <= count <= MOST_POINTS or step <= 0:
        raise ConfigError(
            f"--sweep {text}: is not KEY=LOW:HIGH:STEP with 2 to {MOST_POINTS} values.",
            "Write e.g. --sweep pipelines.bearing.decision.raise_above=0.5:0.95:0.05",
        )
    values = [round(low + index * step, 9) for index in range(count)]
    if all(value.is_integer() for value in values):
        return key.strip(), [int(value) for value in values]  # `hits` of 1.0 is none
    return key.strip(), values


def default_sweep(app: ResolvedApp, pipeline: str | None) -> tuple[str, list[float]]:
    """Thresholds for a curve: from where the alarm clears, or 0.5, to 0.98. Raises ConfigError."""
    names = [spec.name for spec in app.pipelines]
    if pipeline is None and len(names) != 1:
        raise ConfigError("--curve draws one pipeline.", f"Name it: --pipeline {' | '.join(names)}.")
    spec = next(spec for spec in app.pipelines if spec.name == (pipeline or names[0]))
    config = spec.decision.config
    if not hasattr(config, "raise_above"):
        raise ConfigError(f"the decider of {spec.name} has no raise_above.", "Name a key: --sweep KEY=LOW:HIGH:STEP.")
    low = max(0.5, float(getattr(config, "clear_below", 0.5)))
    step = 0.02 if low >= 0.7 else 0.04
    count = int((0.98 - low) / step + 1e-6) + 1
    return f"pipelines.{spec.name}.decision.raise_above", [round(low + k * step, 4) for k in range(max(2, count))]


def variants_of(base: Variant, sets: Sequence[str], sweep: tuple[str, list[float]] | None) -> tuple[Variant, ...]:
    """As deployed; with all `--set` together; and for each value of the sweep, these set."""
    changes = dict(parse_set(text) for text in sets)
    found = [base]
    if changes:
        name = ", ".join(f"{key}={value}" for key, value in changes.items())
        found.append(Variant(name, {**base.changes, **changes}))
    if sweep is not None:
        key, values = sweep
        found += [Variant(f"{key}={value:g}", {**base.changes, **changes, key: value}, swept=True) for value in values]
    return tuple(found)


def device_facts(path: Path, app: ResolvedApp) -> tuple[dict[str, Any], dict[str, Any]]:
    """(overrides of this app, facts of the machine) of a device's file. Raises ConfigError."""
    device = load_device(path)
    if app.name not in {each.name for each in device.apps}:
        raise ConfigError(
            f"{path}: does not run {app.name}; it runs {', '.join(each.name for each in device.apps)}.",
            "Name the device's own app.",
        )
    overrides: dict[str, Any] = {}
    for key, value in (load_document(path).data.get("override") or {}).items():
        first, _, rest = key.partition(".")
        if first == app.name:
            overrides[rest] = value
        elif key.split(".")[1] in {spec.name for spec in app.pipelines}:
            overrides[key] = value
    return overrides, dict(device.machine)
