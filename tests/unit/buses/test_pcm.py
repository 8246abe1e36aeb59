from __future__ import annotations

import builtins
import sys

import pytest

from edge_app.buses.pcm import BlockQueue, PortAudio, SoundInput, choose_input
from edge_app.core.errors import PluginError, SensorLost, SensorNotFound

BUILT_IN = SoundInput(0, "bcm2835 Headphones: - (hw:0,0)", "Headphones", 2, 44100.0)
USB = SoundInput(5, "USB PnP Sound Device: Audio (hw:1,0)", "Device", 1, 48000.0)
OTHER = SoundInput(6, "USB Camera: Audio (hw:2,0)", "C920", 2, 32000.0)
ALL = [BUILT_IN, USB, OTHER]


@pytest.mark.parametrize("wanted", ["USB PnP", "usb pnp", "Device", "device", "(hw:1,0)"])
def test_an_input_is_chosen_by_part_of_its_name_or_by_its_card_id(wanted):
    assert choose_input(ALL, wanted) is USB


def test_without_a_name_the_default_input_is_taken():
    assert choose_input(ALL, "") is BUILT_IN


def test_a_name_nobody_has_lists_the_names_there_are():
    with pytest.raises(SensorNotFound) as caught:
        choose_input(ALL, "Blue Yeti")
    assert caught.value.what == (
        "No sound input is called 'Blue Yeti'; here are: bcm2835 Headphones: - (hw:0,0) [card Headphones]; "
        "USB PnP Sound Device: Audio (hw:1,0) [card Device]; USB Camera: Audio (hw:2,0) [card C920]."
    )
    assert "card id" in caught.value.fix


def test_a_name_several_have_is_refused():
    with pytest.raises(SensorNotFound, match="'USB' fits several sound inputs"):
        choose_input(ALL, "USB")


def test_a_machine_without_inputs_says_so():
    with pytest.raises(SensorNotFound, match="No sound input here"):
        choose_input([], "")
    with pytest.raises(SensorNotFound, match="here are: none"):
        choose_input([], "USB")


@pytest.mark.parametrize(
    ("raised", "fix"),
    [
        (ImportError("No module named 'sounddevice'"), "pip install edge-app[audio]"),
        (OSError("not found"), "libportaudio2"),
    ],
)
def test_a_missing_sound_library_says_what_to_install(monkeypatch, raised, fix):
    def refuse(name, *arguments):
        if name == "sounddevice":
            raise raised
        return real_import(name, *arguments)

    real_import = builtins.__import__
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PluginError) as caught:
        PortAudio().inputs()
    assert fix in caught.value.fix


def test_blocks_come_out_in_order_gathered_to_what_was_wanted():
    queue = BlockQueue(100)
    for block in (b"ab", b"cd", b"ef"):
        queue.put(block, False)
    assert queue.take(4, 0.0) == (b"abcd", 0)
    assert not queue.is_empty
    assert queue.take(4, 0.0) == (b"ef", 0)
    assert queue.is_empty


def test_nothing_in_time_is_nothing():
    assert BlockQueue(100).take(4, 0.0) == (b"", 0)


def test_what_does_not_fit_is_counted_and_told_before_the_next_block():
    queue = BlockQueue(4)
    queue.put(b"abcd", False)
    queue.put(b"lost", False)
    queue.put(b"lost", False)
    assert queue.take(4, 0.0) == (b"abcd", 0)
    queue.put(b"efgh", False)
    assert queue.take(4, 0.0) == (b"efgh", 8)
    assert queue.dropped_blocks == 2


def test_an_overflow_of_the_sound_system_loses_an_unknown_number_and_splits_what_is_gathered():
    queue = BlockQueue(100)
    queue.put(b"ab", False)
    queue.put(b"cd", True)
    assert queue.take(4, 0.0) == (b"ab", 0)
    assert queue.take(4, 0.0) == (b"cd", -1)
    assert queue.overflows == 1


def test_a_stream_that_ended_gives_what_is_left_and_then_is_lost():
    queue = BlockQueue(100)
    queue.put(b"ab", False)
    queue.end()
    assert queue.take(4, 0.0) == (b"ab", 0)
    with pytest.raises(SensorLost, match="ended by itself"):
        queue.take(4, 0.0)
