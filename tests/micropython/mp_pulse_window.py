"""A window of a pulse becomes the same features on the device, sample by sample, as on the host in blocks."""

import sys

sys.path.append(__file__.rsplit("/", 1)[0] + "/../support")

from pulse_wave import EXPECTED, EXPECTED_REPEAT, samples

from edge_app.dsp.ppg import PulseDetector, box_length, falls_on_beat
from edge_app.dsp.pulse_shape import repeat_percent
from edge_app.dsp.rhythm import intervals_us, rhythm_levels


def test_half_a_minute_of_pulse_has_the_features_the_host_gives():
    window = samples(900)
    assert falls_on_beat(window, 30000)
    detector = PulseDetector(30000, True)
    for sample in window:
        detector.push(sample)
    detector.finish()
    assert rhythm_levels(intervals_us(detector.beats_q8, 30000), True) == EXPECTED
    assert repeat_percent(window, detector.beats_q8, box_length(30000)) == EXPECTED_REPEAT
