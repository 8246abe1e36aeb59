"""The answer of `fit` as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_app.config.resolved import ResolvedApp
from edge_app.training.fit.needs import DUTY_MOST, Fit


def plain(app: ResolvedApp, found: Fit) -> dict[str, Any]:
    """One JSON object."""
    pipelines: Mapping[str, Any] = {
        cost.name: {
            "window_buffer_bytes": cost.window_buffer_bytes.plain(),
            "feature_buffer_bytes": cost.feature_buffer_bytes.plain(),
            "model_ram_bytes": cost.model_ram_bytes.plain(),
            "model_flash_bytes": cost.flash_bytes.plain(),
            "macs": cost.macs.plain(),
            "latency_s": cost.latency_s.plain(),
            "windows_per_s": cost.windows_per_s,
            "duty": round(cost.duty, 6),
            "energy_per_decision_mj": found.energy_mj[cost.name].plain(),
        }
        for cost in found.pipelines
    }
    return {
        "app": app.name,
        "target": found.target.target,
        "fits": found.fits,
        "problems": [{"what": what, "fix": fix} for what, fix in found.problems],
        "remarks": found.remarks,
        "ram_bytes": found.ram_bytes.plain() | {"of": found.target.ram_bytes.value},
        "flash_bytes": found.flash_bytes.plain() | {"of": found.target.flash_bytes.value},
        "duty": found.duty.plain() | {"most": DUTY_MOST},
        "power_mw": found.power_mw.plain(),
        "pipelines": pipelines,
        "board": found.target.model_dump(mode="json"),
    }
