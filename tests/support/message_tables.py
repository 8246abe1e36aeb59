"""The key tables of docs/reference/messages.md, made from the message models.

`python tests/support/message_tables.py` rewrites them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge_app.config import messages

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "messages.md"
MARK = re.compile(r"(<!-- message: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
TYPES = {"integer": "integer", "string": "text", "boolean": "true or false", "array": "list", "object": "object"}

MODELS: dict[str, type[BaseModel]] = {
    "decision": messages.DecisionMessage,
    "model": messages.MessageModel,
    "why": messages.Why,
}


def table(model: type[BaseModel]) -> str:
    """One row a key: name, type, meaning, in the order they are sent."""
    schema = model.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    rows = [
        f"| `{name}` | {_type(field, name in required)} | {field.get('description', '')} |"
        for name, field in schema["properties"].items()
    ]
    return "\n".join(["| key | type | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _type(field: dict[str, Any], required: bool) -> str:
    """What may stand there; a key that may be left out is never null."""
    if "$ref" in field:
        return "object"
    if "anyOf" in field:
        kinds = [_type(each, required) for each in field["anyOf"] if each.get("type") != "null"]
        return " or ".join([*kinds, *(["null"] if required and len(kinds) < len(field["anyOf"]) else [])])
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "const" in field:
        return str(field["const"])
    if field.get("type") == "array" and "enum" in field.get("items", {}):
        return "list of " + _type(field["items"], required)
    text = TYPES.get(field.get("type", ""), "any")
    low, high = field.get("minimum"), field.get("maximum")
    return f"{text} {low}..{high}" if low is not None and high is not None and high < 2**53 - 1 else text


def rewritten(text: str) -> str:
    """The page with fresh tables."""
    return MARK.sub(lambda match: match[1] + table(MODELS[match[2]]) + match[3], text)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
