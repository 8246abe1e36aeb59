"""YAML files of people, read with limits and with the line of every key. The only importer of `yaml`.

YAML is read as its 1.2 core schema: `yes`, `on` and `12:30` stay text, `0x6A` and `1e-3` are numbers. Values are built
here from the parser's events, so no tag can build an object, and a hostile file is refused before it costs time or
memory.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edge_app.core.errors import ConfigError
from edge_app.core.files import read_at_most
from edge_app.core.names import closest

MAX_BYTES = 64 * 1024
"""Largest file read."""
MAX_DEPTH = 32
"""Deepest nesting of blocks and brackets."""

KeyPath = tuple[str | int, ...]
"""Where a value stands: ("sensors", "vibration", "rate_hz"); list items by number from 0."""

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_INT = re.compile(r"[-+]?[0-9]{1,30}\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}\Z")
_OCTAL = re.compile(r"0o[0-7]{1,20}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,4})?\Z")
_BRACKET = re.compile(r"[][{}]")
_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """One YAML file, as plain values."""

    path: Path
    """As given by the person."""
    data: dict[str, Any]
    """The file's keys: dict, list, str, int, float, bool, None."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """Line (from 1) of every key and list item."""

    @property
    def name(self) -> str:
        """The path as a message shows it."""
        return shown(self.path)

    def line(self, path: KeyPath) -> int:
        """Line of a key, or of the nearest block around it when the key is not there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1

    def place(self, path: KeyPath) -> str:
        """Where a key stands, for messages: `file:line`."""
        return f"{self.name}:{self.line(path)}"


def shown(path: Path) -> str:
    """A path as people read it: relative to the working folder when it lies below it."""
    full = os.path.normpath(os.path.abspath(path))
    here = os.getcwd()
    return os.path.relpath(full, here) if full.startswith(here + os.sep) else full


def load_document(path: Path) -> Document:
    """A YAML file as a `Document`.

    Raises
    ------
    ConfigError
        Missing, unreadable, longer than 64 KiB, not UTF-8, nested deeper than 32, with anchors, tags, tabs for
        indentation, a key twice or more than one document; the message names file and line.
    """
    return parse_document(_read_bytes(path), path)


def parse_document(raw: bytes, path: Path) -> Document:
    """The text of a YAML file as a `Document`; `path` is for the messages only."""
    text = _decode(raw, path)
    _refuse_tabs(text, path)
    _refuse_deep_brackets(text, path)
    builder = _Builder(path)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, path) from error
    except yaml.YAMLError as error:
        raise _unreadable_character(text, path, error) from error
    if not isinstance(builder.root, dict):
        found = "is empty" if builder.root is None else "is not a block of `key: value` lines"
        raise ConfigError(f"{shown(path)}:1: the file {found}.", "Start from a file in configs/devices or apps/.")
    return Document(path, builder.root, builder.lines)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_file():
            raw = read_at_most(path, MAX_BYTES)
        elif path.is_dir():
            raise ConfigError(f"{shown(path)} is a folder, a file is needed.", _files_in(path))
        elif path.exists():
            raise ConfigError(f"{shown(path)} is not an ordinary file.", "Name a YAML file.")
        else:
            raise ConfigError(f"{shown(path)}: there is no such file.", _nearest_file(path))
    except OSError as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error.strerror or error}.", _permission(error)) from error
    if raw is None:
        raise ConfigError(
            f"{shown(path)} is larger than {MAX_BYTES // 1024} KiB, the most a configuration may have.",
            "Is it the right file? Recordings are named by their path, not written into the configuration.",
        )
    return raw


def _permission(error: OSError) -> str:
    return "Check its owner and mode: `ls -l`." if isinstance(error, PermissionError) else ""


def _files_in(folder: Path) -> str:
    names = sorted(item.name for item in folder.glob("*.yaml"))[:8]
    return f"{shown(folder)} holds {', '.join(names) or 'no YAML file'}."


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {shown(folder)} is missing too."
    names = [item.name for item in folder.iterdir()]
    close = closest(path.name, names)
    return f"Did you mean {shown(folder / close)}?" if close else _files_in(folder)


def _decode(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        guess = "It looks like UTF-16. " if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise ConfigError(
            f"{shown(path)}:{line}: byte {error.start} (0x{raw[error.start]:02X}) is not UTF-8 text.",
            f"{guess}Save the file as UTF-8, e.g. `iconv -f latin1 -t utf-8`.",
        ) from error


def _refuse_tabs(text: str, path: Path) -> None:
    match = _TAB_INDENT.search(text)
    if match:
        line = text.count("\n", 0, match.start()) + 1
        raise ConfigError(
            f"{shown(path)}:{line}: a tab is used for indentation; YAML allows spaces only.",
            "Replace the tab with two spaces and set your editor to insert spaces.",
        )


def _refuse_deep_brackets(text: str, path: Path) -> None:
    """Nesting found by counting brackets, quotes or not: the parser's own look-ahead grows with the square of it."""
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += 1 if match.group() in "[{" else -1
        if depth > MAX_DEPTH:
            raise _too_deep(path, text.count("\n", 0, match.start()) + 1)
        depth = max(depth, 0)


def _too_deep(path: Path, line: int) -> ConfigError:
    return ConfigError(
        f"{shown(path)}:{line}: nested deeper than {MAX_DEPTH} levels.",
        "No configuration needs that: is a bracket open?",
    )


def _syntax_error(error: yaml.MarkedYAMLError, path: Path) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1"
    problem = error.problem or str(error)
    if "\\t" in problem or "\t" in problem or "tab character" in problem:
        return ConfigError(f"{shown(path)}:{place}: a tab stands where YAML wants spaces.", "Replace it with spaces.")
    context = f" ({error.context})" if error.context else ""
    return ConfigError(
        f"{shown(path)}:{place}: not valid YAML: {problem}{context}.",
        "Look at that line and the one above for a missing `:`, quote or bracket, or a wrong indentation.",
    )


def _unreadable_character(text: str, path: Path, error: yaml.YAMLError) -> ConfigError:
    position = getattr(error, "position", None)
    line = text.count("\n", 0, position) + 1 if isinstance(position, int) and position >= 0 else 1
    return ConfigError(
        f"{shown(path)}:{line}: a control character stands in the text.",
        "Delete it: only printable characters are text.",
    )


def plain_value(text: str) -> Any:
    """What an unquoted YAML word means: None, bool, int, float, else the text itself."""
    if _NULL.match(text):
        return None
    if _TRUE.match(text):
        return True
    if _FALSE.match(text):
        return False
    if _INT.match(text):
        return int(text)
    if _HEX.match(text):
        return int(text, 16)
    if _OCTAL.match(text):
        return int(text, 8)
    if _FLOAT.match(text):
        value = float(text)
        return value if math.isfinite(value) else text
    return text


class _Builder:
    """Makes plain values and their lines from parser events, with a stack of its own: nesting costs no recursion."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root: Any = None
        self.lines: dict[KeyPath, int] = {}
        self._documents = 0
        self._stack: list[dict[str, Any] | list[Any]] = []
        self._where: list[str | int] = []
        """Key path of the open blocks; one entry less than the stack, one more while a key waits for its value."""

    def take(self, event: yaml.Event) -> None:
        """Add one event."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._refuse(line, "a second document starts here (`---`).", "Keep one document a file.")
        elif isinstance(event, yaml.AliasEvent):
            raise self._refuse(line, "an alias (`*name`) is used.", "Write the value out: aliases are not accepted.")
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
            self._leave()

    def _node(self, event: yaml.NodeEvent, line: int) -> None:
        if event.anchor is not None:
            raise self._refuse(
                line, f"an anchor (`&{event.anchor}`) is used.", "Write the value out: anchors are not accepted."
            )
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise self._refuse(line, f"a tag (`{tag}`) is used.", "Write the plain value.")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
            return
        if len(self._stack) >= MAX_DEPTH:
            raise _too_deep(self.path, line)
        self._enter(line, event)
        opened: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(opened)
        self._stack.append(opened)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        quoted = not event.implicit[0]
        value = event.value if quoted else plain_value(event.value)
        if self._wants_key():
            self._key(event.value, line)
            return
        if not quoted and isinstance(value, str) and len(value) > 30 and value.isdecimal():
            raise self._refuse(
                line, f"the number {value[:12]}… has {len(value)} digits.", "Write it in quotes if it is text."
            )
        self._enter(line, event)
        self._put(value)
        self._leave()

    def _wants_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1], dict) and len(self._where) == len(self._stack) - 1

    def _key(self, key: str, line: int) -> None:
        block = self._stack[-1]
        path = (*self._where, key)
        if key in block:
            first = self.lines[path]
            raise self._refuse(
                line, f"the key `{key}` stands here a second time (first in line {first}).", "Delete one of the two."
            )
        self.lines[path] = line
        self._where.append(key)

    def _enter(self, line: int, event: yaml.NodeEvent) -> None:
        """The place of the value that begins: the waiting key, or the next number in a list."""
        if not self._stack:
            return
        block = self._stack[-1]
        if isinstance(block, list):
            self._where.append(len(block))
            self.lines[tuple(self._where)] = line
        elif self._wants_key():
            raise self._refuse(line, "a list or block stands where a key is expected.", "Keys are single words.")

    def _put(self, value: Any) -> None:
        if not self._stack:
            self.root = value
            return
        block = self._stack[-1]
        if isinstance(block, list):
            block.append(value)
        else:
            block[str(self._where[-1])] = value

    def _leave(self) -> None:
        if self._where and len(self._where) == len(self._stack):
            self._where.pop()

    def _refuse(self, line: int, what: str, fix: str) -> ConfigError:
        return ConfigError(f"{shown(self.path)}:{line}: {what}", fix)


def dotted(path: Iterable[str | int]) -> str:
    """A key path as people write it: `sensors.vibration.rate_hz`, `apps[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text
