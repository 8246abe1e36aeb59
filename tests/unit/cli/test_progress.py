"""A bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import os
import pty

import pytest

from edge_app.cli.progress import Terminal, time_left
from edge_app.testing.clock import FakeClock


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_time_left_is_told_at_the_pace_so_far() -> None:
    assert time_left(0.0, 0, 11) == ""
    assert time_left(10.0, 5, 5) == ", 10 s left"  # five steps in 10 s, five to go
    assert time_left(100.0, 1, 1) == ", 1 min 40 s left"
    assert time_left(10.0, 5, 0) == ""  # "0 s left" would only puzzle


def test_a_terminal_gets_one_line_that_is_drawn_over() -> None:
    out, clock = Screen(), FakeClock()
    progress = Terminal(out, clock)
    for done in range(4):
        progress.at("train", done, 4, "loss 1")
        clock.advance(1.0)
    progress.say("train", "done")
    shown = out.getvalue()
    assert "\n" not in shown.split("train     done")[0]
    assert "[##########..........] 2/4, 2 s left, loss 1" in shown
    assert shown.endswith("\r\x1b[Ktrain     done\n")


def test_a_bar_stands_from_the_first_part_on_however_long_that_takes() -> None:
    out = Screen()
    Terminal(out, FakeClock()).at("read", 0, 2, "a long recording")
    assert out.getvalue().endswith("read      [....................] 0/2, a long recording")


def test_the_same_step_begun_again_is_timed_anew() -> None:
    out, clock = Screen(), FakeClock()
    progress = Terminal(out, clock)
    for _ in range(2):
        for done in range(3):
            progress.at("train", done, 3)
            clock.advance(10.0)
    assert out.getvalue().endswith("2/3, 10 s left")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_bar_never_reaches_the_end_of_the_line_where_it_could_not_be_drawn_over(width) -> None:
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen, open(theirs, "w", encoding="utf-8") as out:
        os.set_blocking(ours, False)
        set_columns(theirs, width)
        Terminal(out, FakeClock()).at("features", 1, 3, "own/a-recording-with-quite-a-long-name_20260131T120000Z" * 2)
        line = screen.read(4096).decode().removeprefix("\r\x1b[K")
    assert len(line) == width - 3  # `^C` and the cursor have room
    assert line.startswith("features  [##")
    assert line.endswith("…")


def set_columns(stream: int, width: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))


def test_long_figures_of_a_step_are_wrapped_below_their_beginning() -> None:
    out = Screen()  # no size known: 80 columns
    Terminal(out, FakeClock()).say("score", "word " * 20)
    first, second = out.getvalue().splitlines()
    assert first == "score     " + " ".join(["word"] * 14)
    assert second == " " * 10 + " ".join(["word"] * 6)


def test_a_file_gets_a_line_now_and_then_and_no_control_characters() -> None:
    out, clock = io.StringIO(), FakeClock()
    progress = Terminal(out, clock)
    for done in range(100):
        progress.at("train", done, 100)
        clock.advance(1.0)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4  # 99 s of work, a line every 20 s
    assert lines[0] == "train     20/100, 1 min 20 s left"
    assert "\x1b" not in out.getvalue()


def test_where_nobody_watches_nothing_is_written_when_so_asked() -> None:
    out, clock = io.StringIO(), FakeClock()
    progress = Terminal(out, clock, lines=False)
    progress.at("read", 0, 2)
    clock.advance(60.0)
    progress.at("read", 1, 2)
    progress.say("read", "done")
    progress.wipe()
    assert out.getvalue() == ""
