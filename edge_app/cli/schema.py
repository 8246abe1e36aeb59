"""`edge-app schema`: JSON Schema of configurations and messages, for editors and for who reads the messages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge_app.core.errors import ConfigError
from edge_app.core.files import write_whole

EXAMPLES = """examples:
  edge-app schema                      write configs/schema/*.json
  edge-app schema --check              only say whether they are fresh
  edge-app schema --print message-decision

In an editor with the YAML language server, begin a device's file with
  # yaml-language-server: $schema=../schema/device.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("--to", metavar="DIR", help="folder to write to (default: configs/schema of this installation)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale or missing")
    parser.add_argument("--print", metavar="NAME", dest="name", help="print one of them instead")


def run(args: argparse.Namespace) -> int:
    from edge_app.config.errors import nearest
    from edge_app.config.jsonschema import schemas
    from edge_app.config.share import find_share

    made = schemas()
    if args.name:
        name = args.name.removesuffix(".json") + ".json"
        if name not in made:
            guess = nearest(name, list(made))
            hint = f"Did you mean {guess.removesuffix('.json')}? " if guess else ""
            known = ", ".join(each.removesuffix(".json") for each in made)
            raise ConfigError(f"there is no schema `{args.name}`.", f"{hint}Schemas: {known}.")
        sys.stdout.write(made[name])
        return 0
    folder = Path(args.to) if args.to else find_share() / "configs" / "schema"
    return _check(folder, made) if args.check else _write(folder, made)


def _check(folder: Path, made: dict[str, str]) -> int:
    stale = [name for name, text in made.items() if _text(folder / name) != text]
    stale += [f"{path.name} (nobody makes it)" for path in sorted(folder.glob("*.json")) if path.name not in made]
    for name in stale:
        print(f"stale: {folder / name}")
    print("run `edge-app schema` to write them" if stale else f"{len(made)} schemas in {folder} are fresh")
    return 1 if stale else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _write(folder: Path, made: dict[str, str]) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            write_whole(folder / name, text.encode())
            print(folder / name)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}.", "Choose another folder with --to.") from error
    return 0
