"""SisFall: falls and daily activities, accelerometer at the waist, 200 Hz.

Nine integers a line; taken are the three of the ADXL345 (13 bits, ±16 g), the sensor nearest to ours.

Source: A. Sucerquia et al., "SisFall", Sensors 17(1):198, 2017, and the dataset's readme: columns, ranges, bits.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import read_columns, with_hash

NAME = "sisfall"
RATE_HZ = 200.0
SCALE_G = 2 * 16 / 2**13
FULL_SCALE = 2**12 - 1


def find(folder: Folder) -> list[Recording]:
    """Files named <activity>_<subject>_R<trial>.txt; F.. are falls, D.. daily activities."""
    recordings = []
    for path, match in folder.matching(r"([DF]\d\d)_(S[AE]\d\d)_R(\d\d)\.txt"):
        title = f"{NAME}/{path.stem}"
        activity, subject = match[1].upper(), match[2].upper()
        recordings.append(
            Recording(
                id=title,
                dataset=NAME,
                label="fall" if activity.startswith("F") else "adl",
                group=subject,
                load=partial(load_signal, path, title),
                split=folder.split_of(path),
                facts={"activity": activity, "trial": int(match[3]), "file": folder.shown(path)},
            )
        )
    return recordings


def load_signal(path: Path, title: str) -> Signal:
    """x, y, z of the ADXL345 in its own counts. Raises RecordingError."""
    values = read_columns(path, (0, 1, 2))
    if values.shape[1] < 2:
        raise RecordingError(f"{path}: holds {values.shape[1]} samples.", "Copy the recording again.")
    counts = np.clip(np.rint(values), -FULL_SCALE - 1, FULL_SCALE).astype(np.int16)
    return with_hash(Signal(title, counts, SCALE_G, RATE_HZ, "g", channels=("x", "y", "z"), full_scale=FULL_SCALE))
