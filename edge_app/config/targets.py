"""Boards an app may be meant for: configs/targets/*.yaml. Every figure says where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_app.config.errors import nearest, validated
from edge_app.config.load import load_document
from edge_app.config.share import find_share
from edge_app.core.errors import ConfigError

FOLDER = "targets"


class Figure(BaseModel):
    """A number with its source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[float, Field(gt=0)]
    how: Literal["read", "measured", "estimated"] = "read"
    source: Annotated[str, Field(min_length=8)]
    """Datasheet and its section, page, or file: what a person looks up."""


class TargetConfig(BaseModel):
    """One board."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str
    title: str
    runs: Literal["linux", "micropython"]
    clock_mhz: Figure
    ram_bytes: Figure
    """Of the board, or what MicroPython leaves to programs on it."""
    flash_bytes: Figure
    """For app and code; on boards with an SD card of the smallest card in use."""
    volts: Figure
    active_ma: Figure
    """While computing, radio off."""
    seven_zip_mips: Figure | None = None
    """Of one core (linux): what times measured elsewhere are scaled by."""
    cycles_per_mac: Figure | None = None
    """Int8 multiply and add in the MicroPython engine."""
    cycles_per_butterfly: Figure | None = None
    """FFT butterfly of the integer front end with its 32-bit data path, in MicroPython."""


def target_names() -> list[str]:
    """Boards there are files for."""
    return sorted(path.stem for path in (find_share() / "configs" / FOLDER).glob("*.yaml"))


def load_target(name: str) -> TargetConfig:
    """A board by its name, or by the path of a file of one's own. Raises ConfigError."""
    names = target_names()
    if name in names:
        path = find_share() / "configs" / FOLDER / f"{name}.yaml"
    elif name.endswith(".yaml"):
        path = Path(name)
    else:
        guess = nearest(name, names)
        hint = f"Did you mean {guess}? " if guess else ""
        raise ConfigError(f"there is no target {name}.", f"{hint}Targets: {', '.join(names)}, or a file of your own.")
    return validated(TargetConfig, load_document(path))
