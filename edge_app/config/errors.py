"""What pydantic found, said to the person who wrote the file: file, line, key, the value found and what is allowed."""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from edge_app.config.load import Document, KeyPath, dotted
from edge_app.config.schema import FEATURE_PATTERN, RENAMED, SEMVER_PATTERN
from edge_app.core.errors import ConfigError
from edge_app.core.names import ID_PATTERN, MODEL_NAME_PATTERN, closest, like_id

MAX_SHOWN = 8
"""Problems printed at once; the rest is counted."""

UNITS = {
    "hz": "Hz",
    "s": "seconds",
    "ms": "milliseconds",
    "g": "g",
    "mm": "mm",
    "deg": "degrees",
    "bytes": "bytes",
    "minutes": "minutes",
}
"""Unit behind the last word of a key's name."""

SECRETS = ("password", "token", "secret", "key")
"""Keys whose values are never printed."""
LOGIN = re.compile(r"//[^/\s@]*@")
"""User name and password in a URL: never printed either."""

Checked = TypeVar("Checked", bound=BaseModel)


class Problems:
    """Everything wrong with a person's files, collected so that one run shows it all."""

    def __init__(self) -> None:
        self.found: list[ConfigError] = []

    def add(self, document: Document, path: KeyPath, what: str, fix: str = "") -> None:
        """Note a problem at a key."""
        self.found.append(problem(document, path, what, fix))

    def check(self, model: type[Checked], data: Any, document: Document, path: KeyPath = ()) -> Checked | None:
        """`data` as a `model`; None when it is not one, and the reasons are noted."""
        try:
            return model.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            self.found.extend(explain(error, model, data, document, path))
            return None

    def raise_if_any(self) -> None:
        """Raise them all as one ConfigError."""
        if self.found:
            raise together(self.found)


def validated(model: type[Checked], document: Document) -> Checked:
    """A whole file as a `model`. Raises ConfigError with everything found wrong."""
    problems = Problems()
    checked = problems.check(model, document.data, document)
    if checked is None:
        raise together(problems.found)
    return checked


def problem(document: Document, path: KeyPath, what: str, fix: str = "") -> ConfigError:
    """An error at a key: `file:line: key: what`."""
    key = f"{dotted(path)}: " if path else ""
    return ConfigError(f"{document.place(path)}: {key}{what}", fix)


def together(errors: Sequence[ConfigError]) -> ConfigError:
    """Several errors as one, in their order; the same line is not printed twice."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    if len(texts) == 1:
        return errors[0]
    more = [f"… and {len(texts) - MAX_SHOWN} more problems."] if len(texts) > MAX_SHOWN else []
    first, *rest = texts[:MAX_SHOWN] + more
    what, _, fix = first.partition("\n  ")
    return ConfigError(what, "\n".join(([fix] if fix else []) + rest))


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word a person most likely meant."""
    if RENAMED.get(word) in known:
        return RENAMED[word]
    head, dot, tail = word.rpartition(".")
    siblings = [other[len(head) + 1 :] for other in known if dot and other.rpartition(".")[0] == head]
    if siblings:
        return next((f"{head}.{close}" for close in [nearest(tail, siblings)] if close), None)
    longer = [other for other in known if len(word) > 2 and other.startswith(word)]
    return longer[0] if longer else closest(word, known)


def explain(
    error: ValidationError, model: type[BaseModel], data: Any, document: Document, prefix: KeyPath
) -> list[ConfigError]:
    """Each of pydantic's findings as an error a person can act on; of a union's branches the first speaks."""
    results: dict[KeyPath, ConfigError] = {}
    for item in error.errors(include_url=False):
        path = _real_path(item["loc"], data, item["type"])
        what, fix = _sentence(item, path, model, data)
        what = LOGIN.sub("//…@", what)
        results.setdefault(path, problem(document, prefix + path, what, fix))
    return list(results.values())


def _real_path(loc: Sequence[str | int], data: Any, kind: str) -> KeyPath:
    """pydantic's location without the names of union branches and validators, which are in no file."""
    path: list[str | int] = []
    for part in loc:
        if _holds(data, part):
            path.append(part)
            data = data[part]
    if kind == "missing":
        path.append(loc[-1])
    return tuple(path)


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, Mapping) and part in data


def _sentence(item: Mapping[str, Any], path: KeyPath, model: type[BaseModel], data: Any) -> tuple[str, str]:
    """What is wrong and how to mend it."""
    kind, key = str(item["type"]), str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return _unknown_key(key, _model_at(model, path[:-1]))
    if kind == "missing":
        field = _field_at(model, path)
        return "the key is missing", _write(key, field, "Add it")
    if kind == "value_error":
        return _own_words(str(item["ctx"]["error"]), key, _field_at(model, path), _value_at(data, path))
    if item["loc"][-1] == "[key]":
        return _bad_name(key, str(item.get("ctx", {}).get("pattern", "")))
    if path and isinstance(path[-1], int):
        key = str(next((part for part in reversed(path) if isinstance(part, str)), ""))
    field = _field_at(model, path)
    return _wrong_value(kind, item, key, field, _value_at(data, path))


def _own_words(text: str, key: str, field: FieldInfo | None, value: Any) -> tuple[str, str]:
    """What a model's own validator says: "what", or "what; fix", or both on two lines."""
    what, newline, fix = text.partition("\n")
    if not newline:
        what, _, fix = what.partition("; ")
    if isinstance(value, str | int | float):
        what = f"{as_written(value, key)} is not possible: {what}"
        fix = fix or _write(key, field, "Write another value")
    return what, fix[:1].upper() + fix[1:] if fix else "Change one of these keys."


def _unknown_key(key: str, owner: type[BaseModel] | None) -> tuple[str, str]:
    known = list(owner.model_fields) if owner else []
    guess = nearest(key, known)
    listing = "Known here: " + ", ".join(f"`{name}`" for name in known) + "." if known else ""
    return "unknown key", (f"Did you mean `{guess}`? " if guess else "") + listing


def _wrong_value(kind: str, item: Mapping[str, Any], key: str, field: FieldInfo | None, value: Any) -> tuple[str, str]:
    found, context = as_written(value, key), item.get("ctx", {})
    unit = unit_of(key)
    in_unit = f" ({unit})" if unit else ""
    number = f"{found} is not a number{in_unit}", _write(key, field, "Write a number")
    whole = f"{found} is not a whole number{in_unit}", _write(key, field, "Write a whole number")
    limit = _limit(kind, context, unit)
    if limit:
        return f"{found} is out of range: it must be {limit}", _write(key, field, "Write another value")
    if kind in ("literal_error", "enum"):
        return _not_allowed(value, str(context["expected"]))
    if kind == "string_pattern_mismatch":
        return _bad_pattern(found, str(context["pattern"]), key, field)
    if kind == "string_type":
        quoted = json.dumps(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None
        fix = f"Put it in quotes: `{key}: {quoted}`." if quoted else _write(key, field, "Write a word")
        return f"{found} is not text", fix
    simple: dict[str, tuple[str, str]] = {
        "float_type": number,
        "float_parsing": number,
        "finite_number": number,
        "int_type": whole,
        "int_parsing": whole,
        "int_from_float": whole,
        "bool_type": (f"{found} is not true or false", f"Write `{key}: true` or `{key}: false`."),
        "bool_parsing": (f"{found} is not true or false", f"Write `{key}: true` or `{key}: false`."),
        "model_type": (f"{found} is not a block of keys", _write(key, field, "Write a block")),
        "model_attributes_type": (f"{found} is not a block of keys", _write(key, field, "Write a block")),
        "dict_type": (f"{found} is not a block of keys", _write(key, field, "Write a block")),
        "list_type": (f"{found} is not a list", _listed(key, field, value)),
        "tuple_type": (f"{found} is not a list", _listed(key, field, value)),
    }
    return simple.get(kind, (f"{found} does not fit: {item['msg']}", _write(key, field, "Write another value")))


def _listed(key: str, field: FieldInfo | None, value: Any) -> str:
    """One value where a list is wanted becomes a list of one."""
    if isinstance(value, str | int | float) and key:
        return f"Write a list: `{key}: [{value}]`."
    return _write(key, field, "Write a list")


def _limit(kind: str, context: Mapping[str, Any], unit: str) -> str:
    words = {
        "greater_than": ("gt", "above"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "below"),
        "less_than_equal": ("le", "at most"),
    }
    if kind in words:
        name, word = words[kind]
        return f"{word} {_short(context[name])}" + (f" {unit}" if unit else "")
    counted = {
        "too_short": ("min_length", "entries"),
        "too_long": ("max_length", "entries"),
        "string_too_short": ("min_length", "characters"),
        "string_too_long": ("max_length", "characters"),
    }
    if kind in counted:
        name, noun = counted[kind]
        return f"{'at least' if name == 'min_length' else 'at most'} {context[name]} {noun}"
    return ""


def _short(number: Any) -> str:
    return f"{number:.12g}" if isinstance(number, float) else str(number)


def _not_allowed(value: Any, expected: str) -> tuple[str, str]:
    allowed = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
    guess = nearest(value, allowed) if isinstance(value, str) else None
    hint = f"Did you mean {guess}? " if guess else ""
    return f"{as_written(value)} is not allowed here", f"{hint}Allowed: {', '.join(allowed)}."


RULES = {
    ID_PATTERN: "small letters, digits, `_` and `-`, at most 48 of them",
    FEATURE_PATTERN: "the name of a feature: small letters, digits and `_`",
    MODEL_NAME_PATTERN: "a model's name: letters, digits, `_`, `-` and (not first) `.`, at most 64 of them",
    SEMVER_PATTERN: "three numbers with dots between",
}
"""What a pattern asks for, in words."""


def _bad_pattern(found: str, pattern: str, key: str, field: FieldInfo | None) -> tuple[str, str]:
    rule = RULES.get(pattern, f"text that matches {pattern}")
    return f"{found} is not {rule}", _write(key, field, "Write")


def _bad_name(name: str, pattern: str) -> tuple[str, str]:
    """A key that people choose themselves, such as a slot's."""
    like = like_id(name)
    rule = RULES.get(pattern, f"text that matches {pattern}")
    return f"the name `{name}` is not {rule}", f"Name it, e.g. `{like}`." if like else "Choose another name."


def as_written(value: Any, key: str = "") -> str:
    """A value as it stood in the file, shortened; addresses in hex."""
    if key == "address" and type(value) is int:
        return f"0x{value:02X}"
    if key in SECRETS:
        return "what stands here"
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def unit_of(key: str) -> str:
    """The unit a key's name ends in, "" when there is none."""
    return UNITS.get(key.rsplit("_", 1)[-1], "") if "_" in key else ""


def _write(key: str, field: FieldInfo | None, verb: str) -> str:
    """`Write a number, e.g. `rate_hz: 3332`.` with the example or default of the field."""
    example: Any = None
    if field is not None and field.examples:
        example = field.examples[0]
    elif field is not None and field.default is not None and not field.is_required() and not field.default_factory:
        example = field.default
    elif field is not None:
        literals = _literals(field.annotation)
        example = literals[0] if literals else None
    if example is None or isinstance(example, BaseModel):
        what = field.description if field is not None and field.description else ""
        return f"{verb}: {what}" if what else f"{verb}."
    return f"{verb}, e.g. `{key}: {as_written(example, key) if key == 'address' else _yaml(example)}`."


def _yaml(value: Any) -> str:
    """A value as YAML on one line, for examples."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_yaml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    return _short(value) if isinstance(value, float) else json.dumps(value)


def _value_at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data[part]
    return data


def _literals(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    return ()


def _field_at(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    owner = _model_at(model, path[:-1])
    if owner is None or not path or not isinstance(path[-1], str):
        return _field_at(model, path[:-1]) if path else None
    return owner.model_fields.get(path[-1])


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model of the block at a path, None when there is none (a plugin's own keys, say)."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = block_of(field.annotation) if field else None
        else:
            arguments = typing.get_args(here)
            here = block_of(arguments[-1]) if arguments else None
        if here is None:
            return None
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def block_of(annotation: Any) -> Any:
    """What stands behind Optional, Annotated or a union: the model, or the dict or list of models."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return block_of(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        blocks = [block_of(part) for part in typing.get_args(annotation)]
        return next((block for block in blocks if block is not None), None)
    if origin in (dict, list, tuple):
        return annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
