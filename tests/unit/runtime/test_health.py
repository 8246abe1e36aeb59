"""Figures about process and board: what cannot be asked is left out, never made up."""

from pathlib import Path

from edge_app.runtime.health import Health, free_kb
from edge_app.testing.clock import FakeClock


def test_memory_processor_and_disk_are_told(tmp_path):
    clock = FakeClock()
    health = Health(clock, tmp_path)
    clock.advance(60.0)
    fields = health.fields()
    assert fields["rss_kb"] > 1000
    assert 0 <= fields["cpu_permille"] <= 1000  # this process had less than a minute of it
    assert fields["disk_free_kb"] > 0
    assert health.up_s() == 60.0


def test_a_folder_that_has_gone_leaves_its_figure_out(tmp_path):
    assert free_kb(Path("/nowhere/at/all")) is None
    assert "disk_free_kb" not in Health(FakeClock(), tmp_path / "gone").fields()
