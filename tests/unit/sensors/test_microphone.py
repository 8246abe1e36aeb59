from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edge_app.buses.pcm import SoundInput
from edge_app.core.errors import BusError, SensorError, SensorLost, SensorNotFound
from edge_app.sensors.microphone import Microphone
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_pcm import USB, FakePCM

CAMERA = SoundInput(1, "USB Camera: Audio (hw:2,0)", "C920", 2, 32000.0)


def rig(device="USB PnP", *, n_channels=1, inputs=None, opened=True):
    clock = FakeClock()
    pcm = FakePCM([CAMERA, USB] if inputs is None else inputs)
    microphone = Microphone(device, 16000.0, clock, n_channels=n_channels, pcm=pcm)
    if opened:
        microphone.open()

    def hear(samples, **how):
        clock.advance(np.atleast_2d(samples).shape[1] / 16000)
        pcm.play(np.asarray(samples, np.int16), **how)

    return SimpleNamespace(microphone=microphone, pcm=pcm, clock=clock, hear=hear)


def test_sound_arrives_as_int16_with_full_scale_one():
    here = rig()
    here.hear(np.arange(800))
    frame = here.microphone.read(1.0)
    assert frame.samples.tolist() == [list(range(800))]
    assert (frame.unit, frame.scale, frame.full_scale, frame.lost) == ("fs", 1 / 32768, 32767, 0)
    assert frame.end_s == pytest.approx(here.clock.monotonic_s())


def test_the_device_is_chosen_by_name_not_by_number():
    assert rig("USB PnP").pcm.streams[0].device is USB
    assert rig("C920").pcm.streams[0].device is CAMERA
    assert rig("").pcm.streams[0].device is CAMERA  # the default one


def test_channels_come_apart():
    here = rig("C920", n_channels=2)
    here.hear(np.array([[1] * 800, [2] * 800]))
    frame = here.microphone.read(1.0)
    assert frame.samples.shape == (2, 800)
    assert frame.samples[:, 0].tolist() == [1, 2]
    assert frame.samples.flags.c_contiguous


def test_small_blocks_are_gathered_to_a_frame_of_50_ms():
    here = rig()
    for _ in range(10):
        here.hear(np.ones(160))  # 10 ms each
    assert here.microphone.read(1.0).length == 800
    assert here.microphone.read(1.0).length == 800


def test_a_microphone_that_is_missing_lists_those_there_are():
    here = rig("Blue Yeti", opened=False)
    with pytest.raises(SensorNotFound, match="USB Camera") as caught:
        here.microphone.open()
    assert "device:" in caught.value.fix


def test_a_device_that_refuses_says_what_it_prefers():
    here = rig("USB PnP", n_channels=2, opened=False)
    with pytest.raises(BusError) as caught:
        here.microphone.open()
    assert "Cannot record 2 channel(s) at 16000 Hz from USB PnP" in caught.value.what
    assert "48000 Hz and has 1 channel(s)" in caught.value.fix


def test_an_xrun_is_counted_and_told_as_an_unknown_loss():
    here = rig()
    here.hear(np.ones(800))
    here.hear(np.ones(800), overflowed=True)
    assert here.microphone.read(1.0).lost == 0
    assert here.microphone.read(1.0).lost == -1
    assert here.microphone.counters()["overruns"] == 1


def test_a_reader_that_is_too_slow_loses_whole_blocks_and_knows_how_many_samples():
    here = rig()
    for _ in range(45):  # 2.25 s; 2 s fit
        here.hear(np.ones(800))
    for _ in range(40):
        assert here.microphone.read(1.0).lost == 0
    here.hear(np.ones(800))
    frame = here.microphone.read(1.0)
    assert frame.lost == 5 * 800
    assert frame.end_s == pytest.approx(here.clock.monotonic_s())
    assert here.microphone.counters() == {"overruns": 0, "dropped_blocks": 5, "reopens": 0}


def test_silence_of_the_sound_system_is_a_lost_sensor():
    here = rig()
    with pytest.raises(SensorLost, match="delivered no sound for 0 s"):
        here.microphone.read(0.0)


def test_unplugged_it_is_lost_and_plugged_in_again_it_hears_with_its_counts_kept():
    here = rig()
    here.hear(np.ones(800), overflowed=True)
    here.microphone.read(1.0)
    here.pcm.unplug()
    with pytest.raises(SensorLost, match="ended by itself"):
        here.microphone.read(1.0)
    here.microphone.close()
    with pytest.raises(SensorNotFound, match="here are: none"):
        here.microphone.open()
    here.pcm.plug()
    here.microphone.open()
    here.hear(np.ones(800))
    assert here.microphone.read(1.0).length == 800
    assert here.microphone.counters() == {"overruns": 1, "dropped_blocks": 0, "reopens": 1}


def test_closing_twice_is_fine_and_reading_afterwards_is_a_clear_error():
    here = rig()
    here.microphone.close()
    here.microphone.close()
    assert not here.pcm.streams[0].is_open
    with pytest.raises(SensorError, match="not open"):
        here.microphone.read(1.0)
