"""The key tables of docs/reference/configuration.md, made from the models.

`python tests/support/key_tables.py` rewrites them.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge_app.config import evaluation, registry, schema
from edge_app.config.errors import _yaml, block_of
from edge_app.config.jsonschema import documented
from edge_app.config.recipe import RecipeConfig

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "configuration.md"
MARK = re.compile(r"(<!-- keys: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def models() -> dict[str, type[BaseModel]]:
    """Every block a person may write, by the name its place in the page has."""
    found: dict[str, type[BaseModel]] = {
        "app": schema.AppConfig,
        "app.sensors": schema.SlotConfig,
        "app.pipelines": schema.PipelineConfig,
        "app.pipelines.gate": schema.GateConfig,
        "app.pipelines.window": schema.WindowConfig,
        "app.pipelines.quality": schema.QualityConfig,
        "app.pipelines.diagnose": schema.DiagnoseConfig,
        "device": schema.DeviceConfig,
        "device.device": schema.DeviceIdentity,
        "device.machine": schema.MachineConfig,
        "device.machine.bearing": schema.BearingConfig,
        "device.journal": schema.JournalConfig,
    }
    found |= {"train": RecipeConfig} | {
        f"train.{key}": inner for key, inner in _inner(RecipeConfig) if key not in ("evaluate", "validation")
    }
    found |= {
        "evaluate": evaluation.EvaluationConfig,
        "evaluate.cases": evaluation.CaseConfig,
        "evaluate.cases.spans": evaluation.Spans,
        "evaluate.cases.baseline": evaluation.BaselineConfig,
    }
    for group in registry.GROUPS:
        for name in registry.built_in(group):
            config = registry.find(group, name).config
            found[f"{group}.{name}"] = config
            found |= {f"{group}.{name}.{key}": inner for key, inner in _inner(config)}
    return found


def _inner(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        block: Any = block_of(field.annotation)
        if typing.get_origin(block) in (list, dict):
            block = block_of(typing.get_args(block)[-1])
        if isinstance(block, type):
            yield name, block


def table(model: type[BaseModel]) -> str:
    """One row a key: name, default, meaning."""
    texts = documented(model)
    rows = [f"| `{name}` | {_default(name, field)} | {texts[name]} |" for name, field in model.model_fields.items()]
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _default(name: str, field: Any) -> str:
    if field.is_required():
        return "*required*"
    if field.default is None or field.default_factory is not None or field.default in ("", []):
        return "—"
    return f"`0x{field.default:02X}`" if name == "address" else f"`{_yaml(field.default)}`"


def rewritten(text: str) -> str:
    """The page with fresh tables."""
    known = models()
    return MARK.sub(lambda match: match[1] + table(known[match[2]]) + match[3], text)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
