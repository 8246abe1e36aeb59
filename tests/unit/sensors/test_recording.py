"""A recording in a sensor's place: channels, rates, quantisation, pace, and the `--replay` argument."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_app.core.errors import ConfigError, RecordingError, SensorError, SensorLost
from edge_app.sensors.recording import Recording, ReplaySpec, load_recording, parse_replay
from edge_app.testing.clock import FakeClock


def rms(signal):
    values = signal.counts * signal.scale
    return np.sqrt(np.mean((values - values.mean(axis=1, keepdims=True)) ** 2, axis=1))


def npz(folder: Path, **arrays) -> Path:
    path = folder / "signal.npz"
    np.savez(path, **arrays)
    return path


# --- the shared recordings: figures from their SOURCE.md --------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "rate_hz", "samples", "expected_rms", "peak"),
    [
        ("12k_Drive_End_B007_0_118.mat", 12000, 122571, 0.1387, 0.607),
        ("12k_Drive_End_IR021_3_212.mat", 12000, 121991, 0.4487, 3.615),
        ("12k_Drive_End_OR021@6_0_234.mat", 12000, 122426, 0.5832, 6.653),
        ("48k_Drive_End_B007_0_122.mat", 48000, 244739, 0.1459, 0.736),
        ("normal_0_97.mat", 48000, 243938, 0.0727, 0.311),
    ],
)
def test_cwru_files_have_the_levels_their_source_states(shared_data, file, rate_hz, samples, expected_rms, peak):
    signal = load_recording(shared_data / "data/cwru" / file, rate_hz=rate_hz, channel="DE_time")
    assert signal.counts.shape == (1, samples)
    assert signal.scale == 16 / 32768
    assert rms(signal)[0] == pytest.approx(expected_rms, abs=1e-4)
    assert np.abs(signal.counts * signal.scale).max() == pytest.approx(peak, abs=0.001)


@pytest.mark.data
@pytest.mark.parametrize(
    ("snapshot", "horizontal", "vertical"), [("acc_00001.csv", 0.562, 0.436), ("acc_02803.csv", 5.605, 5.094)]
)
def test_femto_columns_five_and_six_are_the_two_directions(shared_data, snapshot, horizontal, vertical):
    path = shared_data / "data/femto/Learning_set/Bearing1_1" / snapshot
    signal = load_recording(path, rate_hz=25600, channel="5+6", range_units=50)
    assert signal.counts.shape == (2, 2560)
    assert rms(signal) == pytest.approx([horizontal, vertical], abs=2e-3)


@pytest.mark.data
def test_the_fan_s_three_columns_are_x_y_z_and_z_shows_gravity(shared_data):
    path = shared_data / "data/fan-msa301/ceiling-fan/fan_0_off_0_weight/0000.csv"
    whole = load_recording(path, rate_hz=200, n_axes=3)
    vertical = load_recording(path, rate_hz=200, channel="z")
    assert whole.counts.shape == (3, 200)
    assert np.array_equal(vertical.counts, whole.counts[2:])
    assert vertical.counts.mean() * vertical.scale == pytest.approx(0.978, abs=0.003)


@pytest.mark.data
def test_sisfall_counts_become_g_with_their_scale(shared_data):
    # ADXL345 at 13 bit and ±16 g: 32 g / 8192 a count; mean norm 1.20 g, largest 18.80 g (clips per axis at 16 g)
    path = shared_data / "data/sisfall/SA01/F05_SA01_R01.txt"
    signal = load_recording(path, rate_hz=200, channel="1+2+3", scale=32 / 8192)
    norm = np.linalg.norm(signal.counts * signal.scale, axis=0)
    assert signal.counts.shape == (3, 3000)
    assert (norm.mean(), norm.max()) == pytest.approx((1.20, 18.80), abs=0.01)


@pytest.mark.data
def test_telemetry_is_chosen_by_column_name_and_tells_its_rate_by_its_time_column(shared_data):
    path = shared_data / "data/bldc-telemetry/healthy/0700rpm_S007.csv"
    signal = load_recording(path, channel="accel_rms_mg", scale=1e-3, range_units=2)
    assert signal.counts.shape == (1, 1206)
    assert signal.rate_hz == pytest.approx(9.99, abs=0.01)
    assert (signal.counts * signal.scale).mean() == pytest.approx(0.0632, abs=1e-4)


@pytest.mark.data
def test_a_column_called_timer_is_not_taken_for_the_pulse(shared_data):
    signal = load_recording(shared_data / "data/heartpy/data2.csv", rate_hz=117, unit="au")
    assert signal.counts.shape == (1, 15000)
    assert (signal.counts[0, :2] * signal.scale) == pytest.approx([515, 514], abs=0.05)


@pytest.mark.data
def test_sixteen_bit_sound_passes_bit_for_bit(shared_data):
    path = shared_data / "data/bldc-audio/healthy/healthy_M1_1400_00_original.wav"
    signal = load_recording(path, unit="fs")
    assert (signal.rate_hz, signal.scale) == (16000, 1 / 32768)
    assert np.array_equal(signal.counts[0], np.frombuffer(path.read_bytes()[44:], dtype="<i2"))
    assert rms(signal)[0] == pytest.approx(0.1757, abs=1e-4)


@pytest.mark.data
def test_the_first_of_eight_microphones_is_taken_unless_another_is_named(shared_data):
    path = next((shared_data / "data/mimii").rglob("*.wav"))
    first = load_recording(path, unit="fs")
    eighth = load_recording(path, unit="fs", channel="8")
    assert first.counts.shape == eighth.counts.shape == (1, 160000)
    assert not np.array_equal(first.counts, eighth.counts)


# --- channels ---------------------------------------------------------------------------------------------------------

COLUMNS = {"X105_DE_time": np.arange(5.0), "X105_FE_time": np.arange(5.0) * 2, "X105RPM": np.array([1797.0])}


@pytest.mark.parametrize("channel", ["X105_DE_time", "DE_time", "de_TIME", "1"])
def test_a_channel_is_found_by_name_ending_or_number(tmp_path, channel):
    signal = load_recording(npz(tmp_path, **COLUMNS), rate_hz=10, channel=channel, range_units=32768)
    assert signal.counts.tolist() == [[0, 1, 2, 3, 4]]


def test_axes_are_joined_in_the_order_named(tmp_path):
    signal = load_recording(npz(tmp_path, **COLUMNS), rate_hz=10, channel="FE_time+DE_time", range_units=32768)
    assert signal.counts.tolist() == [[0, 2, 4, 6, 8], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("channel", "what", "fix"),
    [
        ("time", "'time' matches X105_DE_time, X105_FE_time", "more of the name"),
        ("DE_tmie", "no channel ends in 'DE_tmie'; there are X105_DE_time, X105_FE_time", "'X105_DE_time'"),
        ("3", "no channel 3", "from 1 to 2"),
        ("0", "no channel 0", "from 1 to 2"),
    ],
)
def test_a_channel_that_cannot_be_chosen_names_those_there_are(tmp_path, channel, what, fix):
    with pytest.raises(RecordingError) as caught:
        load_recording(npz(tmp_path, **COLUMNS), rate_hz=10, channel=channel)
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_without_a_choice_the_first_channels_are_taken_and_that_is_told(tmp_path, caplog):
    signal = load_recording(npz(tmp_path, **COLUMNS), rate_hz=10, range_units=32768)
    assert signal.counts.tolist() == [[0, 1, 2, 3, 4]]
    assert "has 2 channels (X105_DE_time, X105_FE_time); took X105_DE_time. Name others with channel=." in caplog.text


def test_a_file_with_fewer_channels_than_axes_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"has 2 channels .* 3 wanted"):
        load_recording(npz(tmp_path, **COLUMNS), rate_hz=10, n_axes=3)


def test_another_rate_than_the_files_own_is_taken_and_that_is_told(tmp_path, caplog):
    path = npz(tmp_path, z=np.zeros(5), rate_hz=8000)
    assert load_recording(path, rate_hz=12000).rate_hz == 12000
    assert "says 8000 Hz itself; rate_hz=12000 is taken instead" in caplog.text


def test_channels_of_different_lengths_are_refused(tmp_path):
    path = npz(tmp_path, a=np.zeros(5), b=np.zeros(6))
    with pytest.raises(RecordingError, match="differ in length"):
        load_recording(path, rate_hz=10, channel="a+b")


# --- rate, unit, quantisation -----------------------------------------------------------------------------------------


def test_a_file_without_a_rate_asks_for_one(tmp_path):
    with pytest.raises(RecordingError) as caught:
        load_recording(npz(tmp_path, a=np.zeros(5)))
    assert "does not say its sampling rate" in caught.value.what
    assert "rate_hz=12000" in caught.value.fix


@pytest.mark.parametrize("rate_hz", [0.0, -5.0, float("nan"), float("inf"), 1e9])
def test_impossible_rates_are_refused(tmp_path, rate_hz):
    with pytest.raises(RecordingError, match="sampling rate"):
        load_recording(npz(tmp_path, a=np.zeros(5)), rate_hz=rate_hz)


def test_rate_scale_and_unit_in_the_file_are_used(tmp_path):
    path = npz(tmp_path, samples=np.arange(6, dtype=np.int16), rate_hz=3332.0, scale=0.25, unit="g")
    signal = load_recording(path)
    assert (signal.rate_hz, signal.scale, signal.unit) == (3332.0, 0.25, "g")
    assert signal.counts.tolist() == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize("scale", [float("nan"), 0.0, -0.5, 1e300])
def test_a_scale_in_the_file_that_cannot_be_is_refused(tmp_path, scale):
    np.savez(tmp_path / "a.npz", z=np.array([1, 2, 3], np.int16), rate_hz=100.0, scale=scale)
    with pytest.raises(RecordingError, match=r"a scale of .* g a count"):
        load_recording(tmp_path / "a.npz")


def test_another_unit_than_the_file_s_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="holds values in 'g', 'fs' is asked for"):
        load_recording(npz(tmp_path, samples=np.zeros(6), rate_hz=1.0, unit="g"), unit="fs")


def test_values_are_rounded_to_the_sensor_s_counts_and_clip_at_its_range(tmp_path):
    # ±2 g: 32768 counts are 2 g, so 1 g is 16384; 2 g and beyond clip at 32767
    path = npz(tmp_path, a=np.array([0.0, 1.0, -1.0, 1.99999, 2.0, 39.0, -39.0, 0.4 / 16384, 0.6 / 16384]))
    signal = load_recording(path, rate_hz=1, range_units=2)
    assert signal.counts.tolist() == [[0, 16384, -16384, 32767, 32767, 32767, -32767, 0, 1]]
    assert (signal.scale, signal.full_scale) == (2 / 32768, 32767)


def test_enormous_values_clip_without_complaint(tmp_path):
    signal = load_recording(npz(tmp_path, a=np.array([1e308, -1e308, 0.0])), rate_hz=1, scale=1e3)
    assert signal.counts.tolist() == [[32767, -32767, 0]]


def test_arbitrary_units_take_the_largest_value_as_range(tmp_path):
    signal = load_recording(npz(tmp_path, a=np.array([0.0, 250.0, -1000.0])), rate_hz=1, unit="au")
    assert signal.counts.min() == -32767
    assert (signal.counts * signal.scale).tolist()[0] == pytest.approx([0, 250, -1000], abs=0.02)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_value_that_is_no_number_is_named_with_its_place(tmp_path, bad):
    values = np.zeros(1000)
    values[250:260] = bad
    with pytest.raises(RecordingError) as caught:
        load_recording(npz(tmp_path, a=values), rate_hz=100)
    assert f"sample 251 (2.500 s) of channel a is {bad}" in caught.value.what
    assert "10 of 1000" in caught.value.what


# --- the sensor -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ramp(tmp_path):
    return npz(tmp_path, samples=np.arange(1000, dtype=np.int16), rate_hz=1000.0, scale=0.001)


def drain(sensor):
    return list(iter(lambda: sensor.read(1.0), None))


def test_frames_follow_each_other_without_gap_and_end_with_none(ramp):
    clock = FakeClock(start_s=50.0)
    sensor = Recording(ramp, clock=clock, paced=False, frame_s=0.3)
    sensor.open()
    frames = drain(sensor)
    assert [f.length for f in frames] == [300, 300, 300, 100]
    assert [f.start_s for f in frames] == pytest.approx([50.0, 50.3, 50.6, 50.9])
    assert np.concatenate([f.samples for f in frames], axis=1).tolist() == [list(range(1000))]
    assert sensor.read(1.0) is None
    assert clock.sleeps_s == []


def test_paced_frames_come_when_their_last_sample_is_due(ramp):
    clock = FakeClock(start_s=0.0)
    sensor = Recording(ramp, clock=clock, frame_s=0.1)
    sensor.open()
    for k in range(10):
        assert sensor.read(1.0).start_s == pytest.approx(0.1 * k)
        assert clock.monotonic_s() == pytest.approx(0.1 * (k + 1))


def test_a_reader_that_came_late_gets_everything_and_does_not_wait(ramp):
    clock = FakeClock(start_s=0.0)
    sensor = Recording(ramp, clock=clock, frame_s=0.1)
    sensor.open()
    clock.advance(5.0)
    assert len(drain(sensor)) == 10
    assert clock.sleeps_s == []


def test_a_reader_with_less_patience_than_a_frame_is_told_so(ramp):
    sensor = Recording(ramp, clock=FakeClock(), frame_s=0.5)
    sensor.open()
    with pytest.raises(SensorLost):
        sensor.read(0.1)


def test_a_loop_begins_again_and_its_time_goes_on(ramp):
    sensor = Recording(ramp, clock=FakeClock(start_s=0.0), paced=False, frame_s=0.4, loop=True)
    sensor.open()
    frames = [sensor.read(1.0) for _ in range(6)]
    assert [f.length for f in frames] == [400, 400, 200, 400, 400, 200]
    assert frames[3].samples[0, 0] == 0
    assert frames[3].start_s == pytest.approx(1.0)
    assert sensor.counters() == {"loops": 2}


def test_facts_of_the_signal_are_known_before_opening(ramp):
    sensor = Recording(ramp, clock=FakeClock())
    assert (sensor.rate_hz, sensor.scale, sensor.n_axes, sensor.unit) == (1000.0, 0.001, 1, "g")


def test_the_constructor_does_not_touch_the_file(tmp_path):
    sensor = Recording(tmp_path / "not-there.wav", clock=FakeClock())
    with pytest.raises(RecordingError, match="no such recording"):
        sensor.open()


def test_reading_without_open_and_closing_twice(ramp):
    sensor = Recording(ramp, clock=FakeClock())
    with pytest.raises(SensorError, match="not open"):
        sensor.read(1.0)
    sensor.open()
    sensor.close()
    sensor.close()
    with pytest.raises(SensorError, match="not open"):
        sensor.read(1.0)


# --- --replay ---------------------------------------------------------------------------------------------------------


def test_a_replay_names_slot_file_and_options():
    slot, spec = parse_replay("vibration=../data/x.mat,rate_hz=12000,channel=DE_time")
    assert slot == "vibration"
    assert spec == ReplaySpec(Path("../data/x.mat"), rate_hz=12000.0, channel="DE_time")


def test_all_options_of_a_replay():
    _, spec = parse_replay("v=a.txt, rate_hz=200, channel=1+2+3, range=16, scale=0.00390625, loop=true")
    assert spec == ReplaySpec(Path("a.txt"), 200.0, "1+2+3", 16.0, 0.00390625, True)


def test_file_names_may_hold_equals_signs_and_commas():
    _, spec = parse_replay("v=dir/a=b,c@6,part 2.csv,rate_hz=5")
    assert spec == ReplaySpec(Path("dir/a=b,c@6,part 2.csv"), rate_hz=5.0)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("vibration", "should begin with a slot"),
        ("=file.wav", "should begin with a slot"),
        ("My Slot=file.wav", "should begin with a slot"),
        ("vibration=", "names no file"),
        ("vibration=,rate_hz=5", "names no file"),
        ("v=f.wav,rate=12000", "unknown option 'rate'.\n  Did you mean 'rate_hz'?"),
        ("v=f.wav,rate_hz=fast", "rate_hz=fast is not a number above 0"),
        ("v=f.wav,rate_hz=-1", "rate_hz=-1 is not a number above 0"),
        ("v=f.wav,rate_hz=nan", "rate_hz=nan is not a number above 0"),
        ("v=f.wav,rate_hz=1,rate_hz=2", "rate_hz is given twice"),
        ("v=f.wav,loop=maybe", "loop=maybe is neither true nor false"),
    ],
)
def test_a_malformed_replay_says_what_is_wrong(text, what):
    with pytest.raises(ConfigError) as caught:
        parse_replay(text)
    assert what in str(caught.value)


def test_no_heavy_library_is_imported_to_play_a_recording(ramp):
    code = (
        "import sys; from edge_app.sensors.recording import load_recording; "
        f"load_recording({str(ramp)!r}); print([m for m in ('scipy', 'pandas', 'pydantic') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
