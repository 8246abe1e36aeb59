"""Reading a JSON object field by field, each checked, each error naming file and key."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from edge_app.core.errors import ModelError

FIX = "docs/reference/models.md describes the manifest; `edge-app train` writes it."


def read_json(content: bytes, what: str, fix: str) -> Any:
    """The value in the bytes of a JSON file; `what` begins the message. ModelError, also for NaN and Infinity."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        return json.loads(content.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ModelError(f"{what} is not JSON: {reason}", fix) from error


class Fields:
    """One JSON object of a manifest; `path` is how messages name its place ("input." …)."""

    def __init__(self, data: Any, where: str, path: str = "") -> None:
        self.where, self.path = where, path
        if not isinstance(data, dict):
            raise ModelError(f"{where}: {path.rstrip('.') or 'the manifest'} must be an object", FIX)
        self.data: dict[str, Any] = data

    def fail(self, key: str, what: str) -> ModelError:
        """The error to raise about one key."""
        return ModelError(f"{self.where}: {self.path}{key} {what}", FIX)

    def _get(self, key: str) -> Any:
        if key not in self.data:
            raise self.fail(key, "is missing")
        return self.data[key]

    def block(self, key: str) -> Fields:
        """A nested object that must be there."""
        return Fields(self._get(key), self.where, f"{self.path}{key}.")

    def mapping(self, key: str) -> Mapping[str, Any]:
        """A nested object of free content; empty when absent."""
        return Fields(self.data.get(key, {}), self.where, f"{self.path}{key}.").data

    def text(self, key: str, pattern: str = r"(?s).{1,1000}") -> str:
        """A string that matches `pattern` as a whole."""
        value = self._get(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self.fail(key, f"is {_short(value)}, expected text matching {pattern}")
        return value

    def texts(self, key: str, limit: int) -> tuple[str, ...]:
        """A list of at most `limit` non-empty strings of at most 200 characters."""
        value = self._get(key)
        if not isinstance(value, list) or len(value) > limit:
            raise self.fail(key, f"must be a list of at most {limit} names")
        for item in value:
            if not isinstance(item, str) or not 1 <= len(item) <= 200:
                raise self.fail(key, f"holds {_short(item)}, expected a name of 1 to 200 characters")
        return tuple(value)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed strings."""
        value = self._get(key)
        if value not in allowed:
            raise self.fail(key, f"is {_short(value)}, allowed: {', '.join(allowed)}")
        return str(value)

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number within low..high."""
        value = self._get(key)
        if type(value) is not int or not low <= value <= high:
            raise self.fail(key, f"is {_short(value)}, expected a whole number from {low} to {high}")
        return value

    def integers(
        self, key: str, low: int, high: int, *, exactly: int | None = None, limit: int = 1024
    ) -> tuple[int, ...]:
        """A list of whole numbers within low..high, `exactly` so many or at most `limit`."""
        value = self._get(key)
        if not isinstance(value, list) or (len(value) > limit if exactly is None else len(value) != exactly):
            found = f"{len(value)} numbers" if isinstance(value, list) else _short(value)
            raise self.fail(key, f"has {found}, expected " + (f"{exactly}" if exactly is not None else f"≤ {limit}"))
        for place, item in enumerate(value):
            if type(item) is not int or not low <= item <= high:
                raise self.fail(f"{key}[{place}]", f"is {_short(item)}, expected a whole number from {low} to {high}")
        return tuple(value)

    def rows(
        self, key: str, low: int, high: int, *, rows: int | None, columns: int, limit: int = 4096
    ) -> tuple[tuple[int, ...], ...]:
        """A list of `rows` lists (None: 1 to `limit`) of `columns` whole numbers within low..high each."""
        value = self._get(key)
        count = len(value) if isinstance(value, list) else -1
        if count != rows if rows is not None else not 1 <= count <= limit:
            raise self.fail(key, f"must be a list of {rows if rows is not None else f'1 to {limit}'} rows")
        named = {f"{key}[{place}]": row for place, row in enumerate(value)}
        each = Fields(named, self.where, self.path)
        return tuple(each.integers(name, low, high, exactly=columns) for name in named)

    def positive(self, key: str) -> float:
        """A positive finite number."""
        value = self._get(key)
        if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
            raise self.fail(key, f"is {_short(value)}, expected a positive number")
        return float(value)

    def pairs(self, key: str, limit: int) -> tuple[tuple[int, int], ...]:
        """A list of pairs of whole numbers."""
        value = self._get(key)
        if not isinstance(value, list) or len(value) > limit:
            raise self.fail(key, f"must be a list of at most {limit} pairs")
        for place, item in enumerate(value):
            if not isinstance(item, list) or len(item) != 2 or any(type(number) is not int for number in item):
                raise self.fail(f"{key}[{place}]", f"is {_short(item)}, expected two whole numbers")
        return tuple((item[0], item[1]) for item in value)


def _short(value: Any) -> str:
    """A value for a message, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
