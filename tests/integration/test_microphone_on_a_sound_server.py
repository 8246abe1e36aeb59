"""The microphone plugin on a real PortAudio and a real sound server (JACK with its dummy driver)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

pytestmark = pytest.mark.audio

PRELUDE = """
import sys, numpy as np
from edge_app.core.clock import SystemClock
from edge_app.core.errors import EdgeAppError
from edge_app.sensors.microphone import Microphone

def open_microphone(name, rate_hz=48000.0):
    microphone = Microphone(name, rate_hz, SystemClock())
    microphone.open()
    return microphone
"""


@pytest.fixture
def child(sound_server) -> Callable[[str], subprocess.Popen[str]]:
    """Runs code in a process of its own: PortAudio outlives whoever loads it."""

    def start(code: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code],
            env={**os.environ, **sound_server.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def test_a_sine_comes_through_without_loss_and_with_rising_times(sound_server, child, tmp_path):
    sound_server.microphone("USB PnP bearing", frequency_hz=1000, amplitude=0.5)
    path = tmp_path / "heard.npz"
    done = child(f"""
microphone = open_microphone("usb pnp")
frames = [microphone.read(2.0) for _ in range(30)]
np.savez({str(path)!r}, sound=np.concatenate([f.samples[0] for f in frames]),
         starts=[f.start_s for f in frames], ends=[f.end_s for f in frames], lost=[f.lost for f in frames])
microphone.close(); microphone.close()
print(microphone.counters())
""")
    output, _ = done.communicate(timeout=60)
    assert path.exists(), output
    heard = np.load(path)
    sound = heard["sound"][-48000:].astype(float)  # one second: 1 Hz a bin
    assert int(np.argmax(np.abs(np.fft.rfft(sound)))) == 1000
    assert np.abs(sound).max() == pytest.approx(0.5 * 32767, abs=2)
    assert not heard["lost"].any()
    # frames follow one another: the clock's corrections stay far below a frame of 50 ms
    assert np.abs(heard["starts"][1:] - heard["ends"][:-1]).max() < 0.025
    assert "'overruns': 0, 'dropped_blocks': 0, 'reopens': 0" in output


def test_a_microphone_that_is_not_there_is_named_with_those_that_are(sound_server, child):
    sound_server.microphone("left bearing")
    done = child("""
try:
    open_microphone("USB PnP")
except EdgeAppError as error:
    print(type(error).__name__, error)
""")
    output, _ = done.communicate(timeout=60)
    assert "SensorNotFound No sound input is called 'USB PnP'; here are:" in output
    assert "left bearing" in output


def test_a_rate_the_device_does_not_have_is_refused_with_the_one_it_has(sound_server, child):
    sound_server.microphone("left bearing")
    done = child("""
try:
    open_microphone("left bearing", 16000.0)
except EdgeAppError as error:
    print(type(error).__name__, error)
""")
    output, _ = done.communicate(timeout=60)
    assert "BusError Cannot record 1 channel(s) at 16000 Hz from left bearing" in output
    assert "It prefers 48000 Hz" in output


LISTEN_UNTIL_LOST = """
microphone = open_microphone("left bearing")
microphone.read(2.0)
print("reading", flush=True)
try:
    while True:
        microphone.read(1.0)
except EdgeAppError as error:
    print(type(error).__name__, error, flush=True)
microphone.close()
print("closed", flush=True)
sys.stdin.readline()
try:
    microphone.open()
    print("again", microphone.read(2.0).length > 0, microphone.counters()["reopens"], flush=True)
except EdgeAppError as error:
    print("again", type(error).__name__, error.what, flush=True)
"""


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_a_dying_sound_server_loses_the_sensor_but_neither_hangs_nor_ends_the_program(sound_server, child, end):
    # PortAudio 19.6 hangs or aborts when it closes a stream whose JACK server is gone: only a new process helps
    sound_server.microphone("left bearing")
    process = child(LISTEN_UNTIL_LOST)
    try:
        _until(process, "reading")
        sound_server.processes["jackd"].send_signal(getattr(signal, end))
        assert "SensorLost" in _until(process, "closed")
        _tell(process, "go")
        assert "again SensorLost The sound library cannot be used any more" in _until(process, "again")
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_closed_microphone_is_opened_again_and_sees_devices_plugged_in_since(sound_server, child):
    sound_server.microphone("left bearing")
    process = child("""
for name in ("left bearing", "right bearing"):
    with open_microphone(name) as microphone:
        print("heard", microphone.read(2.0).length >= 2400, flush=True)
    sys.stdin.readline()
""")
    try:
        assert "heard True" in _until(process, "heard")
        sound_server.microphone("right bearing")
        _tell(process, "go")
        assert "heard True" in _until(process, "heard")
    finally:
        process.kill()
        process.communicate()


def _tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()


def _until(process: subprocess.Popen[str], word: str) -> str:
    """Output up to the line that begins with `word`."""
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if line.startswith(word):
            return told
    raise AssertionError(f"ended before it said {word!r}:\n{told}")
