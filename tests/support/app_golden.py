"""Golden windows of apps: what the shipped model says of a few windows that travel with it.

`apps/<name>/golden/golden.json` lists them:

    {"format": "edge-app-golden/1", "source": …, "windows": [
      {"pipeline": …, "file": …, "is": …, "features": […], "raw": …, "score": …}, …]}

A file is a recording of one window's length; `features` are the int16 numbers of the front end, `raw` and `score` the
model's, all by the shipped mapping. `"part": "diagnose"` asks the second model, `"machine"` is what a device's file
says of the machine, `"marks"` and `"focus"` are the heartbeats of a window about one.

`python tests/support/app_golden.py APP_DIR` writes the expected numbers anew, after the model was trained anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.config.apps import load_app
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext, ModelContext
from edge_app.sensors.recording import load_recording

FORMAT = "edge-app-golden/1"


def golden_of(app_dir: Path) -> dict[str, Any]:
    """The list of an app."""
    found: dict[str, Any] = json.loads((app_dir / "golden" / "golden.json").read_text(encoding="utf-8"))
    assert found["format"] == FORMAT
    return found


def answer(app_dir: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Features, raw output and score of one golden window now."""
    app = load_app(app_dir)
    pipeline = next(each for each in app.pipelines if each.name == entry["pipeline"])
    sound = load_recording(app_dir / "golden" / entry["file"], unit=pipeline.slot.unit, n_axes=pipeline.slot.axes)
    seconds = sound.counts.shape[1] / sound.rate_hz
    assert seconds == pipeline.window_s
    context = FeatureContext(
        rate_hz=sound.rate_hz, scale=sound.scale, unit=sound.unit, n_axes=pipeline.slot.axes,
        window_s=pipeline.window_s, min_rate_hz=pipeline.slot.min_rate_hz, machine=entry.get("machine", {}),
    )  # fmt: skip
    stages = pipeline.diagnose if entry.get("part") == "diagnose" else pipeline
    features = stages.features or pipeline.features
    extractor = features.plugin.create(features.config, context)
    model = stages.model.plugin.create(stages.model.config, ModelContext(app.folder, extractor.schema))
    counts = np.ascontiguousarray(sound.counts)
    marks, focus = tuple(entry.get("marks", ())), entry.get("focus", -1)  # heartbeats, where a window is about one
    window = Window(counts, sound.scale, sound.unit, sound.rate_hz, 0.0, seconds, marks=marks, focus=focus)
    vector = extractor.extract(window)
    inference = model.infer(vector)
    return {"features": vector.values.tolist(), "raw": inference.raw, "score": inference.score}


def rewritten(app_dir: Path) -> str:
    """The list with fresh numbers; one window a line."""
    golden = golden_of(app_dir)
    lines = [json.dumps(entry | answer(app_dir, entry)) for entry in golden["windows"]]
    head = json.dumps({key: value for key, value in golden.items() if key != "windows"}, indent=2)
    return head[: -len("\n}")] + ',\n  "windows": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "golden" / "golden.json").write_text(rewritten(folder), encoding="utf-8")
