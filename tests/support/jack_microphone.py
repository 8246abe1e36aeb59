"""A microphone of a JACK server that hears a sine: `python jack_microphone.py LIBJACK NAME FREQUENCY_HZ AMPLITUDE`.

PortAudio lists it as an input device called NAME. It prints "ready RATE_HZ" and plays until SIGTERM; SIGKILL is
what unplugging looks like.
"""

from __future__ import annotations

import ctypes
import math
import signal
import sys

IS_OUTPUT, IS_PHYSICAL = 2, 4  # JackPortFlags, jack/types.h: what a microphone gives is an output of the server
NO_START_SERVER = 1  # JackOptions, jack/types.h
PROCESS = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p)


def declare(jack: ctypes.CDLL) -> None:
    """Argument and result types of the functions used (jack/jack.h); pointers do not fit ctypes' default int."""
    pointer = ctypes.c_void_p
    jack.jack_client_open.argtypes = [ctypes.c_char_p, ctypes.c_int, pointer]
    jack.jack_client_open.restype = pointer
    jack.jack_port_register.argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong]
    jack.jack_port_register.restype = pointer
    jack.jack_port_get_buffer.argtypes = [pointer, ctypes.c_uint32]
    jack.jack_port_get_buffer.restype = pointer
    jack.jack_get_sample_rate.argtypes = [pointer]
    jack.jack_set_process_callback.argtypes = [pointer, PROCESS, pointer]
    jack.jack_activate.argtypes = [pointer]
    jack.jack_client_close.argtypes = [pointer]


def second_of_sine(rate_hz: int, frequency_hz: int, amplitude: float) -> ctypes.Array[ctypes.c_float]:
    """One second of the sine twice over, so that any block of it is one piece of memory."""
    step = 2 * math.pi * frequency_hz / rate_hz
    return (ctypes.c_float * (2 * rate_hz))(*[amplitude * math.sin(step * n) for n in range(2 * rate_hz)])


def main(libjack: str, name: str, frequency_hz: str, amplitude: str) -> None:
    stop = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before JACK's threads are made: they inherit it
    jack = ctypes.CDLL(libjack)
    declare(jack)
    client = jack.jack_client_open(name.encode(), NO_START_SERVER, None)
    if not client:
        sys.exit("no JACK server answers")
    port = jack.jack_port_register(client, b"capture_1", b"32 bit float mono audio", IS_OUTPUT | IS_PHYSICAL, 0)
    rate_hz = jack.jack_get_sample_rate(client)
    sine = second_of_sine(rate_hz, int(frequency_hz), float(amplitude))
    position = 0

    @PROCESS
    def process(n_samples: int, _: object) -> int:
        nonlocal position
        ctypes.memmove(jack.jack_port_get_buffer(port, n_samples), ctypes.addressof(sine) + 4 * position, 4 * n_samples)
        position = (position + n_samples) % rate_hz
        return 0

    jack.jack_set_process_callback(client, process, None)
    jack.jack_activate(client)
    print("ready", rate_hz, flush=True)
    signal.sigwait(stop)
    jack.jack_client_close(client)


if __name__ == "__main__":
    main(*sys.argv[1:])
