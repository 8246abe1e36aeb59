"""The sound server the microphone tests stand on behaves as they assume."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.audio

LISTEN = """
import sys, time, numpy as np, sounddevice as sd
blocks = []
keep = lambda block, n_samples, when, status: blocks.append(block.copy())
with sd.InputStream(device=sys.argv[1], samplerate=48000, channels=1, dtype="int16", callback=keep):
    while len(blocks) < 30:
        time.sleep(0.02)
sound = np.concatenate(blocks)[-24000:, 0]  # half a second: 2 Hz a bin
print("heard", 2 * np.argmax(np.abs(np.fft.rfft(sound))), np.max(np.abs(sound)))
"""


def test_a_microphone_is_found_by_name_and_hears_its_sine(sound_server):
    sound_server.microphone("left bearing", frequency_hz=1000, amplitude=0.5)
    sound_server.microphone("right bearing", frequency_hz=440, amplitude=0.25)

    def listen(name: str) -> tuple[int, int]:
        environment = {**os.environ, **sound_server.environment}
        done = subprocess.run(
            [sys.executable, "-c", LISTEN, name], env=environment, capture_output=True, text=True, timeout=60
        )
        assert "heard" in done.stdout, done.stdout + done.stderr
        frequency_hz, peak = done.stdout.split("heard ")[1].split()
        return int(frequency_hz), int(peak)

    # PortAudio dithers on the way to int16: the peak is right to a count
    assert listen("left bearing") == (1000, pytest.approx(0.5 * 32767, abs=1))
    assert listen("right bearing") == (440, pytest.approx(0.25 * 32767, abs=1))
