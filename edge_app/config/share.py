"""Where the apps and configurations that came with edge-app lie."""

from __future__ import annotations

from pathlib import Path

from edge_app.core.errors import ConfigError


def find_share() -> Path:
    """Folder that holds `apps/` and `configs/`: the checkout, or `edge_app/share` of an installed package."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent, package / "share"):
        if (folder / "apps").is_dir() and (folder / "configs").is_dir():
            return folder
    raise ConfigError(
        f"the apps that come with edge-app are missing beside {package}.",
        "Install edge-app again: `pip install .`",
    )
