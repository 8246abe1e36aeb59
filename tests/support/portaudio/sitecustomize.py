"""Lets `sounddevice` find the PortAudio of `.tools/audio`: the loader looks in system folders only.

A folder on PYTHONPATH that Python imports by itself at start, so that child processes find the library too; in the
running process `sound.py` calls `use_private_portaudio`.
"""

import ctypes
import ctypes.util
import os
from pathlib import Path

NEEDED_FIRST = ("libasound.so.2", "libdb-5.3.so", "libstdc++.so.6", "libjack.so.0")
"""What libportaudio.so.2 is linked with, in loading order: once loaded, the loader does not search for them."""


def use_private_portaudio(library_path: str) -> None:
    """Makes `ctypes.util.find_library("portaudio")` answer with the library below these folders (split by ":")."""
    folders = [Path(folder) for folder in library_path.split(":")]
    library = next(folder / "libportaudio.so.2" for folder in folders if (folder / "libportaudio.so.2").exists())
    for name in NEEDED_FIRST:
        for folder in folders:
            if (folder / name).exists():
                ctypes.CDLL(str(folder / name), ctypes.RTLD_GLOBAL)
    find_library = ctypes.util.find_library
    ctypes.util.find_library = lambda name: str(library) if name == "portaudio" else find_library(name)


if os.environ.get("EDGE_TEST_PORTAUDIO"):
    use_private_portaudio(os.environ["EDGE_TEST_PORTAUDIO"])
