"""How high a machine's raw output may rise by chance: extreme values of what the decider actually compares.

The alarm is due when `hits` of the last `of` windows exceed the threshold, for as long as the on-delay; so the alarm
is due exactly while the smallest, over the on-delay, of the `hits`-th largest of the last `of` windows exceeds it.
The tail of that statistic is fitted, in log2: its correlation in time (overlapping windows, slow speed and load) needs
no model of its own then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEEK_S = 7 * 24 * 3600
