"""Rules of the house on single files, read with `ast`: length of functions and files, calls, remedies of errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from edge_app.core import errors

LONGEST_FUNCTION = 50
LONGEST_FILE = 400
COMPUTED_IMPORTS = ("cli/main.py", "inference/tflite.py")
"""Files that import a module whose name is computed: the rules on imports cannot see which."""
ERRORS = tuple(
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.EdgeAppError)
)
NEVER_CALLED = ("eval", "exec", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all")


def broken_code_rules(package: Path) -> list[str]:
    """All breaches below a package folder, each "path:line: what is wrong"."""
    found = []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(package).as_posix()
        for line, breach in [*_too_long(text), *_forbidden_calls(text), *_unseen_calls(text, where)]:
            found.append(f"{path.relative_to(package.parent)}:{line}: {breach}")
    return found


def _too_long(text: str) -> Iterator[tuple[int, str]]:
    lines = text.splitlines()
    if len(lines) > LONGEST_FILE:
        yield LONGEST_FILE, f"{len(lines)} lines; a file has at most {LONGEST_FILE}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            has_docstring = ast.get_docstring(node) is not None
            start = (first.end_lineno or first.lineno) if has_docstring else node.lineno
            length = (node.end_lineno or start) - start
            if length > LONGEST_FUNCTION and "Long because" not in (ast.get_docstring(node) or ""):
                yield (
                    node.lineno,
                    f"{node.name} has {length} lines; shorten it, or say why: `Long because …` in the docstring",
                )


def _forbidden_calls(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in NEVER_CALLED and not (isinstance(node.func, ast.Attribute) and name in ("eval", "exec")):
            yield node.lineno, f"{name}() is called nowhere"
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True) is not False:
                yield node.lineno, "allow_pickle stays False"
            if keyword.arg == "shell" and getattr(keyword.value, "value", True) is not False:
                yield node.lineno, "shell stays False: hand over a list of arguments"


def _unseen_calls(text: str, where: str) -> Iterator[tuple[int, str]]:
    """Errors without a remedy, and imports the other rules cannot see."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        starred = any(isinstance(each, ast.Starred) for each in node.args)
        if name in ERRORS and not starred and len(node.args) + len(node.keywords) < 2:
            yield node.lineno, f"{name} without a remedy; where nothing can be done, write an empty one"
        computed = name in ("import_module", "__import__") and not isinstance(node.args[0], ast.Constant)
        if computed and where not in COMPUTED_IMPORTS:
            yield node.lineno, f"a computed import; only {', '.join(COMPUTED_IMPORTS)} may"
