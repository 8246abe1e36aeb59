"""The files that MicroPython takes unchanged (`=` files): found by their first line, laid out as on the device."""

from __future__ import annotations

from pathlib import Path

FIRST_LINE = "# Runs unchanged on MicroPython."


def is_unchanged(path: Path) -> bool:
    """Whether the file says in its first line that it runs unchanged on MicroPython."""
    with path.open(encoding="utf-8") as lines:
        return lines.readline().rstrip("\n") == FIRST_LINE


def unchanged_files(package: Path) -> list[Path]:
    """All `=` files of a package folder, sorted by path."""
    return sorted(path for path in package.rglob("*.py") if is_unchanged(path))


def module_name(path: Path, package: Path) -> str:
    """Dotted name of a file of a package: `edge_app/core/errors.py` gives `edge_app.core.errors`."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def stage(package: Path, folder: Path) -> Path:
    """Copies the `=` files of a package below `folder`, same paths; an `__init__` that is no `=` file becomes empty.

    What is not an `=` file is not there, so an import of it fails as on the device.
    """
    for source in unchanged_files(package):
        target = folder / source.relative_to(package.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        for parent in target.relative_to(folder).parents[:-1]:
            init = folder / parent / "__init__.py"
            if not init.exists() and not _is_unchanged_init(package.parent / parent / "__init__.py"):
                init.write_bytes(b"")
    return folder


def _is_unchanged_init(path: Path) -> bool:
    return path.exists() and is_unchanged(path)
