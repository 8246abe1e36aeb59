"""A bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from edge_app.testing.clock import FakeClock
from edge_app.training.progress import Terminal, time_left


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_time_left_is_told_at_the_pace_so_far() -> None:
    assert time_left(10.0, 1, 11) == ""
    assert time_left(10.0, 6, 11) == ", 10 s left"  # five steps in 10 s, five to go
    assert time_left(100.0, 2, 3) == ", 1 min 40 s left"


def test_a_terminal_gets_one_line_that_is_drawn_over() -> None:
    out, clock = Screen(), FakeClock()
    progress = Terminal(out, clock)
    for done in range(1, 5):
        progress.at("train", done, 4, "loss 1")
        clock.advance(1.0)
    progress.say("train", "done")
    shown = out.getvalue()
    assert "\n" not in shown.split("train     done")[0]
    assert "[##########..........] 2/4, 2 s left, loss 1" in shown
    assert shown.endswith("\r\x1b[Ktrain     done\n")


def test_a_file_gets_a_line_now_and_then_and_no_control_characters() -> None:
    out, clock = io.StringIO(), FakeClock()
    progress = Terminal(out, clock)
    for done in range(1, 101):
        progress.at("train", done, 100)
        clock.advance(1.0)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4  # 99 s of work, a line every 20 s
    assert lines[0] == "train     21/100, 1 min 19 s left"
    assert "\x1b" not in out.getvalue()
