"""Reads the pages of docs/: their code blocks, links and command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

_FILE = re.compile(r"^`([\w@./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`(edge-app [^`]+)`")


def files_of(page: Path) -> dict[str, str]:
    """Files a page shows, by name: a line with the name in backquotes and a colon, then a fenced block."""
    return dict(_FILE.findall(page.read_text()))


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language."""
    return [text for name, text in _FENCE.findall(page.read_text()) if name == language]


def links(page: Path) -> list[str]:
    """Targets of the links of a page, those in code left out."""
    text = _FENCE.sub("", page.read_text())
    return _LINK.findall(re.sub(r"`[^`]*`", "", text))


def anchors(page: Path) -> set[str]:
    """What `#…` may name in a page, as GitHub makes it of the headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def command_lines(page: Path) -> Iterator[list[str]]:
    """Every `edge-app …` of a page as a list of words: in shell blocks and in running text."""
    for language, text in _FENCE.findall(page.read_text()):
        if language in ("sh", "console", "bash", "text", "make", ""):
            yield from _in_shell(text)
    for text in _INLINE.findall(_FENCE.sub("", page.read_text())):
        yield shlex.split(text.replace("\\|", "|"))


def _in_shell(text: str) -> Iterator[list[str]]:
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        found = re.match(r"(?:\$ )?(?:sudo )?(?:[A-Z_]+=\S* )*(?:\S*/)?(edge-app(?: .*)?)$", line.strip())
        if found:
            yield _before_shell_operators(shlex.split(found[1], comments=True))


def _before_shell_operators(words: list[str]) -> list[str]:
    for number, word in enumerate(words):
        if word in ("|", ">", ">>", "<", "&&", ";", "&", "2>&1"):
            return words[:number]
    return words
