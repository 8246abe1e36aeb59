"""From a folder of recordings to figures: what counts as test, what is refused, what the JSON holds."""

from __future__ import annotations

import errno
import json
import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from edge_app.cli.main import main
from edge_app.core.errors import ConfigError, RecordingError
from edge_app.training.evaluation.evaluate import Evaluation, evaluate
from edge_app.training.evaluation.plain import plain

CASES = """
cases:
  - name: all
    pipeline: sound
    protocol: anomaly
"""


@pytest.fixture
def app(repository: Path, tmp_path: Path) -> Path:
    """machine_sound with one case: whatever sounds there are."""
    folder = tmp_path / "app"
    shutil.copytree(repository / "apps" / "machine_sound", folder)
    (folder / "evaluate.yaml").write_text(CASES)
    return folder


def write_sound(path: Path, seed: int, smooth: int = 1, seconds: float = 4.0) -> None:
    """Noise, duller the longer it is averaged over."""
    random = np.random.RandomState(seed)
    noise = random.standard_normal(round(16000 * seconds) + smooth)
    samples = np.convolve(noise, np.ones(smooth) / np.sqrt(smooth), "valid")[: round(16000 * seconds)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((3000 * samples).astype("<i2").tobytes())


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Two healthy sounds and a broken one, in folders named after their label."""
    for name, seed, smooth in (("healthy/a", 1, 1), ("healthy/b", 2, 1), ("broken/c", 3, 12)):
        write_sound(tmp_path / "data" / f"{name}.wav", seed, smooth)
    return tmp_path / "data"


def run(app: Path, data: Path, **options: str) -> Evaluation:
    return evaluate(app, data, **options)


def test_recordings_never_seen_are_test(app: Path, sounds: Path):
    found = run(app, sounds)

    (outcome,) = found.outcomes
    assert {trail.split for trail in outcome.chosen.trails} == {"test"}
    assert {trail.label for trail in outcome.chosen.trails} == {"healthy", "broken"}


def test_a_recording_that_is_there_twice_counts_once(app: Path, sounds: Path):
    shutil.copy(sounds / "broken" / "c.wav", sounds / "broken" / "copy.wav")

    (outcome,) = run(app, sounds).outcomes
    assert [trail.id for trail in outcome.chosen.trails if trail.label == "broken"] == ["wav/broken/c"]
    assert outcome.chosen.left_out == {"wav/broken/copy": "it holds the same samples as wav/broken/c"}


def test_a_recording_nobody_labelled_is_neither_healthy_nor_a_fault(app: Path, sounds: Path):
    write_sound(sounds / "unknown.wav", 7)

    (outcome,) = run(app, sounds).outcomes
    assert {trail.label for trail in outcome.chosen.trails} == {"healthy", "broken"}
    assert "nothing says what it is of" in outcome.chosen.left_out["wav/unknown"]


def test_a_case_whose_labels_are_missing_says_so(app: Path, sounds: Path):
    cases = CASES + "  - {name: typed, pipeline: sound, protocol: anomaly, dataset: wav, labels: [bearing]}\n"
    (app / "evaluate.yaml").write_text(cases)

    assert run(app, sounds).passed_over == {"typed": "no recordings of wav with the labels and facts it asks for here"}


def test_the_json_holds_one_object_with_named_metrics_and_intervals(app: Path, sounds: Path, capsys):
    assert main(["evaluate", str(app), "--data", str(sounds), "--split", "test", "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    assert list(report)[:3] == ["app", "version", "split"]
    assert (report["app"], report["split"]) == ("machine_sound", "test")
    assert set(report["float"]) == set(report["int8"])
    assert report["int8"]["flagged_of"][1] == 1
    assert report["int8"]["auroc_ci95"] is None  # two recordings have no interval …
    assert "at least 5 are needed" in report["cases"][0]["undefined"]["auroc_ci95"]  # … and it says so
    assert len(report["recordings"]) == 3
    facts = next(each for each in report["recordings"].values() if each["label"] == "broken")
    assert facts["windows"] == facts["judged"] + facts["unknown"] + facts["idle"]


def test_the_same_recordings_give_the_same_figures(app: Path, sounds: Path):
    first, second = (plain(run(app, sounds)) for _ in range(2))
    for report in (first, second):
        for case in report["cases"]:
            case.pop("footprint")  # holds measured times

    assert first == second


def test_with_several_cases_metrics_are_named_after_them(app: Path, sounds: Path):
    (app / "evaluate.yaml").write_text(
        CASES + "  - {name: calm, pipeline: sound, protocol: quiet}\n"
        "  - {name: none, pipeline: sound, protocol: anomaly, dataset: mitdb}\n"
    )

    report = plain(run(app, sounds))

    assert "all.auroc" in report["int8"]
    assert "calm.false_alarms" in report["int8"]
    assert report["int8"]["auroc"] == report["int8"]["all.auroc"]  # only one case gives it
    assert "false_alarms" not in report["int8"]  # two cases give it
    assert report["passed_over"] == {"none": "no recordings of mitdb here"}
    healthy = next(each for each in report["recordings"].values() if each["label"] == "healthy")
    assert set(healthy["cases"]) == {"all", "calm"}


def test_a_recording_learnt_from_is_refused_under_another_name(app: Path, sounds: Path):
    signal_hash = run(app, sounds).outcomes[0].chosen.trails[0].recording.load().sha256
    name = run(app, sounds).outcomes[0].chosen.trails[0].id
    manifest = next((app / "models").glob("*.json"))
    papers = json.loads(manifest.read_text())
    papers["data"] = {"train": [{"source": "elsewhere/original", "sha256": signal_hash}]}
    manifest.write_text(json.dumps(papers))

    with pytest.raises(RecordingError) as refused:
        run(app, sounds)

    assert name in refused.value.what
    assert "elsewhere/original" in refused.value.what
    assert [trail.id for trail in run(app, sounds, split="train").outcomes[0].chosen.trails] == [name]


def test_a_recording_of_the_recipe_is_train_and_its_unused_rest_is_test(app: Path, sounds: Path):
    recording = run(app, sounds).outcomes[0].chosen.trails[0].id
    (app / "evaluate.yaml").write_text(CASES + f"    spans: {{{recording}: {{train: [0.0, 2.0], test: [2.0, 4.0]}}}}\n")

    found = run(app, sounds)

    trail = next(each for each in found.outcomes[0].chosen.trails if each.id == recording)
    assert trail.span_s == (2.0, 4.0)
    assert trail.start_s[0] == 2.0
    assert found.outcomes[0].chosen.other_split == {"train": [recording]}
    both = run(app, sounds, split="all").outcomes[0].result.recordings
    assert {name: facts["split"] for name, facts in both.items() if name.startswith(recording)} == {
        f"{recording}, 0 to 2 s": "train",
        f"{recording}, 2 to 4 s": "test",
    }


def test_a_test_recording_of_a_machine_the_model_learnt_from_is_named(app: Path, tmp_path: Path):
    for name, seed in (("healthy_M1_1400", 1), ("healthy_M1_9000", 2), ("healthy_M2_1400", 3)):
        write_sound(tmp_path / "motors" / f"{name}.wav", seed)
    manifest = next((app / "models").glob("*.json"))
    papers = json.loads(manifest.read_text())
    papers["data"] = {"train": [{"id": "bldc-audio/healthy_M1_1400", "sha256": "0" * 64}]}
    manifest.write_text(json.dumps(papers))

    (outcome,) = run(app, tmp_path / "motors").outcomes
    assert outcome.result.notes[-1] == (
        "Of persons or machines that the model learnt from in other recordings: bldc-audio/healthy_M1_9000."
    )


def test_splits_of_a_case_are_kept_apart(app: Path, sounds: Path):
    every = [trail.id for trail in run(app, sounds).outcomes[0].chosen.trails]
    (app / "evaluate.yaml").write_text(CASES + f"    splits: {{val: [{every[0]}]}}\n")

    assert [trail.id for trail in run(app, sounds).outcomes[0].chosen.trails] == every[1:]
    assert [trail.id for trail in run(app, sounds, split="val").outcomes[0].chosen.trails] == every[:1]


def test_a_folder_without_anything_to_measure_is_told_with_what_it_holds(app: Path, tmp_path: Path, capsys):
    (app / "evaluate.yaml").write_text(CASES.replace("protocol: anomaly", "protocol: anomaly\n    dataset: mitdb"))
    write_sound(tmp_path / "data" / "healthy" / "a.wav", 1)

    assert main(["evaluate", str(app), "--data", str(tmp_path / "data")]) == 2

    error = capsys.readouterr().err
    assert "and nothing to measure: all: no recordings of mitdb here" in error


def test_an_empty_folder_and_one_that_is_not_there_end_with_status_2(app: Path, tmp_path: Path, capsys):
    (tmp_path / "empty").mkdir()

    assert main(["evaluate", str(app), "--data", str(tmp_path / "empty")]) == 2
    assert "the folder is empty" in capsys.readouterr().err
    assert main(["evaluate", str(app), "--data", str(tmp_path / "nowhere")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_one_class_only_has_no_auroc_and_null_in_json(app: Path, tmp_path: Path, capsys):
    write_sound(tmp_path / "data" / "healthy" / "a.wav", 1)

    assert main(["evaluate", str(app), "--data", str(tmp_path / "data"), "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    assert report["int8"]["auroc"] is None
    assert report["cases"][0]["undefined"]["auroc"].startswith("one class only")


def test_a_recording_too_short_for_a_window_is_left_out_by_name(app: Path, sounds: Path):
    write_sound(sounds / "healthy" / "short.wav", 9, seconds=0.5)

    outcome = run(app, sounds).outcomes[0]

    (name,) = outcome.chosen.left_out
    assert name.endswith("short")
    assert "less than one window" in outcome.chosen.left_out[name]


def test_a_damaged_recording_ends_the_evaluation_with_its_name(app: Path, sounds: Path):
    (sounds / "healthy" / "b.wav").write_bytes(b"RIFF")

    with pytest.raises(RecordingError, match=r"b\.wav"):
        run(app, sounds)


def test_an_unknown_case_names_those_there_are(app: Path, sounds: Path):
    with pytest.raises(ConfigError, match="no case named al"):
        run(app, sounds, only="al")


def test_keys_set_for_a_case_are_checked_as_the_apps_own(app: Path, sounds: Path):
    (app / "evaluate.yaml").write_text(CASES + "    set: {pipelines.sound.windw: {seconds: 1}}\n")
    with pytest.raises(ConfigError, match=r"case all:.*unknown key"):
        run(app, sounds)

    (app / "evaluate.yaml").write_text(CASES + "    set: {pipelines.noise.window: {seconds: 1}}\n")
    with pytest.raises(ConfigError, match="has no `noise` there"):
        run(app, sounds)


def test_a_shorter_window_may_be_set_for_a_case(app: Path, sounds: Path):
    (app / "evaluate.yaml").write_text(CASES + "    set: {pipelines.sound.window.hop_s: 0.25}\n")

    # 4 s, windows of 2 s every 0.25 s: (4 - 2) / 0.25 + 1
    assert len(run(app, sounds).outcomes[0].chosen.trails[0].verdicts) == 9


def test_the_report_is_written_beside_the_figures(app: Path, sounds: Path, tmp_path: Path, capsys):
    assert main(["evaluate", str(app), "--data", str(sounds), "--out", str(tmp_path / "report")]) == 0

    out = capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.html", "report.md"]
    assert "AUROC, window by window" in out
    assert "report.html" in out


def test_a_report_that_cannot_be_written_is_told(app: Path, sounds: Path, tmp_path: Path, capsys):
    (tmp_path / "file").write_text("")

    assert main(["evaluate", str(app), "--data", str(sounds), "--out", str(tmp_path / "file" / "below")]) == 2
    assert "the report cannot be written" in capsys.readouterr().err


def test_of_a_report_that_cannot_be_written_whole_nothing_is(
    app: Path, sounds: Path, tmp_path: Path, monkeypatch, capsys
):
    synced = os.fsync
    calls: list[int] = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:  # the second of the two files
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert main(["evaluate", str(app), "--data", str(sounds), "--out", str(tmp_path / "report")]) == 2

    assert not list((tmp_path / "report").rglob("*"))


def test_the_card_of_the_model_gets_the_figures_once(app: Path, sounds: Path):
    card = next((app / "models").glob("*.json")).with_suffix(".md")
    card.write_text("# sound\n\nLearnt from one motor.\n")

    for _ in range(2):
        assert main(["evaluate", str(app), "--data", str(sounds), "--card"]) == 0

    text = card.read_text()
    assert text.startswith("# sound\n\nLearnt from one motor.\n\n## Evaluated\n")
    assert text.count("## Evaluated") == 1
    assert "AUROC, window by window" in text


def test_no_card_holds_figures_of_what_was_learnt_from(app: Path, sounds: Path, capsys):
    assert main(["evaluate", str(app), "--data", str(sounds), "--split", "all", "--card"]) == 2
    assert "not of split all" in capsys.readouterr().err
