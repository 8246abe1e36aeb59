"""Protocols that learn normal: from a run's own beginning, from a machine's own healthy recordings."""

from __future__ import annotations

import numpy as np
from trails import SCHEMA, make_case, make_trail

from edge_app.inference.gaussian import UnlearntGaussian
from edge_app.training.protocols import group_baseline, own_baseline
from edge_app.training.protocols.baselines import cycled

RANDOM = np.random.RandomState(3)


def noisy(level: int, count: int) -> list[int]:
    return [int(each) for each in level + RANDOM.randint(-40, 41, count)]


def test_a_run_that_ends_badly_is_alarmed_late_in_its_life():
    run = make_trail("run", "run_to_failure", noisy(1000, 90) + [20000] * 10, every_s=10.0)
    case = make_case("own_baseline", baseline={"share": 0.25})

    result = own_baseline.run(case, [run], {"int8": UnlearntGaussian(SCHEMA)})

    facts = result.recordings["run"]
    # 100 windows 10 s apart, the last begins at 990 s and ends at 991 s: a quarter is 247.75 s, 25 windows end by then.
    assert facts["baseline_windows"] == 25
    # The third bad window begins at 920 s.
    assert facts["first_alarm_life"] == round(921 / 991, 4)
    assert facts["alarms_life"] == [facts["first_alarm_life"]]
    assert result.metrics["int8"]["runs_alarmed_of"] == [1, 1]


def test_an_unsteady_beginning_is_refused_as_on_the_device_and_counted():
    run = make_trail("run", "run_to_failure", [100 * k for k in range(100)])

    result = own_baseline.run(make_case("own_baseline"), [run], {"int8": UnlearntGaussian(SCHEMA)})

    assert "not steady" in result.recordings["run"]["baseline_refused"]
    assert result.metrics["int8"]["baselines_learnt_of"] == [0, 1]
    assert any("nothing was judged" in note for note in result.notes)


def test_the_first_seconds_of_a_healthy_run_are_learnt_and_the_rest_is_exposure():
    run = make_trail("run", "healthy", noisy(1000, 200))
    case = make_case("own_baseline", baseline={"seconds": 100.0})

    result = own_baseline.run(case, [run], {"int8": UnlearntGaussian(SCHEMA)})

    assert result.recordings["run"]["baseline_windows"] == 100
    assert result.metrics["int8"]["false_alarms"] == 0
    assert result.metrics["int8"]["healthy_hours"] == round(100 / 3600, 6)


def test_each_machine_is_judged_by_its_own_normal_whatever_its_level():
    trails = []
    for machine, level in (("M1", 1000), ("M2", 6000)):  # M2 is louder when healthy than M1 when broken
        trails += [make_trail(f"{machine} h{k}", "healthy", noisy(level, 30), motor=machine) for k in range(4)]
        trails += [make_trail(f"{machine} f{k}", "propeller", noisy(level + 3000, 30), motor=machine) for k in range(3)]

    result = group_baseline.run(make_case("group_baseline", group="motor"), trails, {"int8": UnlearntGaussian(SCHEMA)})

    found = result.metrics["int8"]
    assert found["auroc_M1"] == found["auroc_M2"] == found["auroc"] == 1.0
    assert len(result.recordings) == 14
    assert result.recordings["M2 h0"]["machine"] == "M2"
    assert any("M1 on M2 4 of 4" in note for note in result.notes)


def test_a_machine_with_one_healthy_recording_teaches_nothing():
    trails = [
        make_trail("h", "healthy", noisy(1000, 30), motor="M4"),
        make_trail("f", "bearing", [9000] * 30, motor="M4"),
    ]

    result = group_baseline.run(make_case("group_baseline", group="motor"), trails, {"int8": UnlearntGaussian(SCHEMA)})

    assert result.metrics["int8"]["auroc"] is None
    assert "M4: 1 healthy recordings; nothing can be learnt and left out." in result.notes
    assert {name: facts["flagged"] for name, facts in result.recordings.items()} == {"h": None, "f": None}


def test_recordings_are_taken_in_turn_and_pieces_share_no_samples():
    one, other = np.arange(8, dtype=np.int16)[:, None], np.arange(10, 18, dtype=np.int16)[:, None]

    found = cycled([one, other], skip=1)

    # Three pieces of two windows each; 2, 5, 12 and 15 overlap two pieces and are in none.
    assert found[:, 0].tolist() == [0, 1, 10, 11, 3, 4, 13, 14, 6, 7, 16, 17]
