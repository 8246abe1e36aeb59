"""Where a device keeps what must outlive the process."""

from __future__ import annotations

import os
from pathlib import Path

from edge_app.core.errors import JournalError

JOURNAL_NAME = "journal.db"
"""The journal's file in a device's folder."""


def state_root(option: str | None = None) -> Path:
    """Folder that holds one folder a device.

    The first of: the `--state-dir` option, EDGE_APP_STATE, systemd's STATE_DIRECTORY, XDG_STATE_HOME/edge-app,
    ~/.local/state/edge-app.
    """
    if option:
        return Path(option).expanduser()
    for variable in ("EDGE_APP_STATE", "STATE_DIRECTORY"):
        if os.environ.get(variable):
            return Path(os.environ[variable].split(":")[0])
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "edge-app"


def device_folder(root: Path, device: str) -> Path:
    """The device's own folder, made with mode 0700. Raises JournalError when it cannot be made or written."""
    folder = root / device
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise JournalError(
            f"cannot make the state folder {folder}: {error.strerror}",
            "Choose another with --state-dir or the environment variable EDGE_APP_STATE.",
        ) from error
    if not os.access(folder, os.W_OK):
        raise JournalError(
            f"the state folder {folder} is not writable for this user",
            "Change its owner, or choose another with --state-dir or EDGE_APP_STATE.",
        )
    return folder
