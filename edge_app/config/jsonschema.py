"""JSON Schema of everything people write and devices publish, made from the models; editors and tests read it."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge_app.config.errors import block_of
from edge_app.config.evaluation import EvaluationConfig
from edge_app.config.messages import MESSAGES
from edge_app.config.recipe import RecipeConfig
from edge_app.config.registry import GROUPS, built_in, find
from edge_app.config.schema import AppConfig, DeviceConfig, PluginBlock, PublishBlock

DRAFT = "https://json-schema.org/draft/2020-12/schema"

BLOCK_GROUPS = {
    ("PipelineConfig", "features"): "features",
    ("PipelineConfig", "model"): "models",
    ("PipelineConfig", "decision"): "deciders",
    ("DiagnoseConfig", "features"): "features",
    ("DiagnoseConfig", "model"): "models",
    ("DeviceConfig", "sensors"): "sensors",
    ("DeviceConfig", "publish"): "publishers",
}
"""Where a plugin's block may stand, and the group of plugins it is of."""


def schemas() -> dict[str, str]:
    """File name → text of every schema file; the same text whatever third-party plugins are installed."""
    made = {"app.json": _with_plugins(AppConfig), "device.json": _with_plugins(DeviceConfig)}
    made["train.json"] = _plain(RecipeConfig)
    made["evaluate.json"] = _plain(EvaluationConfig)
    made |= {f"{name}.json": _plain(model) for name, model in MESSAGES.items()}
    return {name: json.dumps(_untitled(schema), indent=2, ensure_ascii=False) + "\n" for name, schema in made.items()}


def _untitled(schema: Any, *, names: bool = False) -> Any:
    """Without the titles made from keys ("Rate Hz"); `names` where the keys are names of people's keys."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if names or key != "title" or not isinstance(value, str)}
    return {key: _untitled(value, names=key in ("properties", "$defs")) for key, value in kept.items()}


def _plain(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    for definition, owner in ((schema, model), *((schema["$defs"][block.__name__], block) for block in _blocks(model))):
        for name, text in documented(owner).items():
            definition["properties"][name].setdefault("description", text)
    return {"$schema": DRAFT, **schema}


def _blocks(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Models of the blocks within a model, at any depth."""
    for field in model.model_fields.values():
        block = block_of(field.annotation)
        if get_origin(block) in (list, dict, tuple):
            block = block_of(get_args(block)[-1])
        if isinstance(block, type):
            yield block
            yield from _blocks(block)


def _with_plugins(model: type[BaseModel]) -> dict[str, Any]:
    """A configuration's schema in which each plugin's own keys are known."""
    plugins = [(group, name, find(group, name).config) for group in _groups(model) for name in built_in(group)]
    keyed = [(config, "validation") for _, _, config in plugins]
    refs, rest = models_json_schema([(model, "validation"), *keyed])  # type: ignore[list-item]
    definitions: dict[str, Any] = rest["$defs"]
    for _, name, config in plugins:
        _describe(definitions, refs[config, "validation"], config)
        definition = definitions[_key(refs[config, "validation"])]
        definition["properties"] = {"plugin": {"const": name}, **definition.get("properties", {})}
    for group in _groups(model):
        members = [(name, refs[config, "validation"]) for kind, name, config in plugins if kind == group]
        definitions[f"{group}-plugin"] = _choice(members, optional="mqtt" if group == "publishers" else None)
    _point_blocks(definitions)
    for block in (PluginBlock, PublishBlock):
        definitions.pop(block.__name__, None)
    top = definitions.pop(model.__name__)
    return {"$schema": DRAFT, **top, "$defs": definitions}


def _groups(model: type[BaseModel]) -> list[str]:
    ours = ("features", "models", "deciders") if model is AppConfig else ("sensors", "publishers")
    return [group for group in GROUPS if group in ours]


def _key(ref: dict[str, Any]) -> str:
    return str(ref["$ref"]).rsplit("/", 1)[-1]


def _choice(members: list[tuple[str, dict[str, Any]]], optional: str | None) -> dict[str, Any]:
    """A block whose `plugin` says which keys stand beside it; plugins of others may have any keys."""
    rules = [
        {
            "if": {"properties": {"plugin": {"const": name}}, "required": [] if name == optional else ["plugin"]},
            "then": ref,
        }
        for name, ref in members
    ]
    return {
        "type": "object",
        "properties": {"plugin": {"type": "string", "examples": [name for name, _ in members]}},
        "required": [] if optional else ["plugin"],
        "allOf": rules,
    }


def _point_blocks(definitions: dict[str, Any]) -> None:
    for (owner, field), group in BLOCK_GROUPS.items():
        if owner not in definitions:
            continue
        target, place = {"$ref": f"#/$defs/{group}-plugin"}, definitions[owner]["properties"][field]
        if "additionalProperties" in place or "patternProperties" in place:
            place.pop("patternProperties", None)
            place["additionalProperties"] = target
        elif "anyOf" in place:
            place["anyOf"] = [target, {"type": "null"}]
        else:
            place["$ref"] = target["$ref"]


def _describe(definitions: dict[str, Any], ref: dict[str, Any], model: type[BaseModel]) -> None:
    """Descriptions a model gives as strings below its fields."""
    properties = definitions[_key(ref)].get("properties", {})
    for name, text in documented(model).items():
        if name in properties:
            properties[name].setdefault("description", text)


@cache
def documented(model: type[BaseModel]) -> dict[str, str]:
    """What each field of a model means: its `description`, or the string below it."""
    texts: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            texts |= dict(_strings_below(owner))
    for name, field in model.model_fields.items():
        block = block_of(field.annotation)
        if field.description:
            texts[name] = field.description
        elif name not in texts and isinstance(block, type):
            texts[name] = (block.__doc__ or "").partition("\n")[0]
    return {name: texts[name] for name in model.model_fields if name in texts}


def _strings_below(owner: type) -> Iterator[tuple[str, str]]:
    try:
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return
    statements = getattr(body, "body", [])
    for statement, below in pairwise(statements):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield statement.target.id, " ".join(below.value.value.split())
