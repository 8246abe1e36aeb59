"""A device and its apps become plain values, or a message that says where and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_app.config.apps import load_app
from edge_app.config.resolve import device_id, load_device
from edge_app.core.errors import ConfigError, EdgeAppError


@dataclass
class Replay:
    """As sensors/recording.py ReplaySpec."""

    path: Path
    rate_hz: float | None = None
    channel: str | None = None
    range_units: float | None = None
    scale: float | None = None
    loop: bool = False


def refused(path: Path, **keywords) -> str:
    with pytest.raises(EdgeAppError) as caught:
        load_device(path, **keywords)
    assert caught.value.fix, "every refusal says how to mend it"
    return str(caught.value)


def test_a_device_becomes_plain_values_in_the_order_of_the_path(world):
    device = load_device(world.device())

    assert (device.id, device.site) == ("pump-7", "plant-a")
    assert device.machine == {"shaft_hz": 29.5}
    assert device.journal_max_bytes == 16 * 1024 * 1024
    sensor = device.sensors["vibration"]
    assert (sensor.plugin.name, sensor.axis, sensor.rate_hz, sensor.unit) == ("chip", "z", 3332.0, "g")
    (pipeline,) = device.apps[0].pipelines
    assert (pipeline.name, pipeline.slot.min_rate_hz) == ("drive_end", 2560.0)
    assert (pipeline.window_s, pipeline.hop_s) == (1.0, 0.5)
    assert (pipeline.gate.feature, pipeline.gate.above) == ("rms_g", 0.01)
    assert pipeline.features.config.band_hz == (10, 1250)
    assert pipeline.decision.config.raise_above == 0.8
    assert device.publish.plugin.name == "mqtt"
    assert device.warnings == ()


def test_a_wrong_type_says_what_was_found_and_shows_an_example(world):
    text = refused(world.device("rate_hz: 3332", "rate_hz: fast"))

    assert text == (
        'devices/pump-7.yaml:4: sensors.vibration.rate_hz: "fast" is not a number (Hz)\n'
        "  Write a number, e.g. `rate_hz: 3332`."
    )


def test_an_unknown_key_names_the_nearest(world):
    text = refused(world.device("rate_hz: 3332", "rate_hz: 3332, adress: 0x6A"))

    assert "devices/pump-7.yaml:4: sensors.vibration.adress: unknown key" in text
    assert "Did you mean `address`?" in text


def test_a_word_people_use_for_a_key_of_ours_finds_it(world):
    text = refused(world.device("rate_hz: 3332", "sampling_rate: 3332"))

    assert "sensors.vibration.sampling_rate: unknown key\n  Did you mean `rate_hz`?" in text


def test_all_problems_of_a_file_are_told_at_once(world):
    text = refused(world.device("bus: 1, rate_hz: 3332, axis: z", "bus: one, rate_hz: -1, axis: up"))

    assert '"one" is not a whole number' in text
    assert "-1 is out of range: it must be above 0 Hz" in text
    assert '"up" is not allowed here\n  Allowed: x, y, z, xyz.' in text


def test_a_missing_key_is_shown_in_an_example(world):
    text = refused(world.device(", rate_hz: 3332", ""))

    assert "devices/pump-7.yaml:4: sensors.vibration.rate_hz: the key is missing" in text
    assert "Add it, e.g. `rate_hz: 3332`." in text


def test_a_number_where_an_id_belongs_is_to_be_quoted(world):
    assert 'Put it in quotes: `id: "7"`.' in refused(world.device("id: pump-7", "id: 7"))


def test_ids_are_small_letters_digits_dashes(world):
    text = refused(world.device("id: pump-7", "id: Pump 7"))

    assert 'device.id: "Pump 7" is not small letters, digits, `_` and `-`, at most 48 of them' in text


def test_what_a_plugins_own_check_says_is_shown_with_the_value_found(world):
    text = refused(world.device("bus: 1", "address: 0x50"))

    assert "sensors.vibration.address: 0x50 is not possible: a chip sits at 0x6A or 0x6B" in text
    assert "Write another value, e.g. `address: 0x6A`." in text


def test_true_is_not_a_number_and_yes_is_not_true(world):
    assert "true is not a number" in refused(world.device("rate_hz: 3332", "rate_hz: true"))
    world.device()
    world.app("raise_above: 0.8", "latch: yes")
    assert '"yes" is not true or false\n  Write `latch: true`' in refused(world.device_file)


def test_not_a_number_is_not_a_number(world):
    assert '".nan" is not a number (Hz)' in refused(world.device("rate_hz: 3332", "rate_hz: .nan"))


def test_an_unknown_plugin_names_the_nearest(world):
    text = refused(world.device("plugin: chip", "plugin: chp"))

    assert "devices/pump-7.yaml:4: sensors.vibration.plugin: there is no sensor plugin `chp`" in text
    assert "Did you mean `chip`?" in text


def test_a_slot_that_is_not_bound_is_named_with_its_app_and_an_example(world):
    text = refused(world.device("vibration: {", "vibrations: {"))

    assert "devices/pump-7.yaml:3: sensors: no sensor is bound to the slot `vibration` (acceleration in g)" in text
    assert "of the app bearings" in text
    assert "Rename `vibrations`, or add under `sensors`, e.g. `vibration: {plugin: lsm6ds3" in text


def test_a_binding_nobody_asks_for_is_a_warning(world):
    device = load_device(world.device("sensors:\n", "sensors:\n  spare: {plugin: chip, rate_hz: 104}\n"))

    assert device.warnings == ("devices/pump-7.yaml:4: sensors.spare is bound, but no app asks for it",)
    assert list(device.sensors) == ["vibration"]


def test_a_sensor_too_slow_for_the_app_is_refused_with_a_rate_that_suffices(world):
    text = refused(world.device("rate_hz: 3332", "rate_hz: 416"))

    assert "sensors.vibration.rate_hz: 416 Hz is too slow for bearings, which needs at least 2560 Hz" in text
    assert "Write `rate_hz: 3332`." in text


def test_a_chip_that_cannot_be_fast_enough_is_to_be_replaced(world):
    world.app("min_rate_hz: 2560", "min_rate_hz: 20000")

    assert "chip cannot sample that fast" in refused(world.device_file)


def test_a_wrong_unit_is_refused(world):
    world.app("quantity: acceleration, unit: g", "quantity: sound, unit: fs")

    text = refused(world.device_file)

    assert "devices/pump-7.yaml:4: sensors.vibration: chip delivers g, but bearings wants fs" in text


def test_a_unit_that_does_not_suit_the_quantity_is_refused_in_the_app(world):
    world.app("unit: g", "unit: m/s2")
    assert 'sensors.vibration.unit: "m/s2" is not allowed here\n  Allowed: g, fs, au.' in refused(world.device_file)

    world.app("unit: g", "unit: fs")
    text = refused(world.device_file)
    assert "apps/bearings/app.yaml:4: sensors.vibration: `unit: fs` does not suit `quantity: acceleration`" in text


def test_more_axes_than_the_app_uses_are_refused(world):
    text = refused(world.device("axis: z", "axis: xyz"))

    assert "sensors.vibration.axis: `axis: xyz` gives 3, but bearings uses 1\n  Write e.g. `axis: z`." in text


def test_an_override_of_what_is_tunable_takes_effect(world):
    device = load_device(world.device(add="override: {pipelines.drive_end.decision.raise_above: 0.9}\n"))

    assert device.apps[0].pipelines[0].decision.config.raise_above == 0.9


def test_an_override_can_set_what_the_app_left_at_its_default(world):
    world.app("decision: {plugin: limit, raise_above: 0.8}", "decision: {plugin: limit}")
    device = load_device(world.device(add="override: {pipelines.drive_end.decision.raise_above: 0.7}\n"))

    assert device.apps[0].pipelines[0].decision.config.raise_above == 0.7


def test_an_override_of_something_not_tunable_is_refused(world):
    text = refused(world.device(add="override: {pipelines.drive_end.window.seconds: 2}\n"))

    assert "devices/pump-7.yaml:7: override.pipelines.drive_end.window.seconds: bearings does not let a device" in text
    assert "Tunable: pipelines.drive_end.decision.raise_above" in text


def test_an_override_of_an_unknown_key_names_the_nearest(world):
    text = refused(world.device(add="override: {pipelines.drive_end.decision.raise_abvoe: 0.9}\n"))

    assert "bearings has no such key\n  Did you mean `pipelines.drive_end.decision.raise_above`?" in text


def test_an_override_of_the_wrong_type_is_an_error_of_the_device_file(world):
    text = refused(world.device(add="override: {pipelines.drive_end.decision.raise_above: high}\n"))

    assert 'devices/pump-7.yaml:7: pipelines.drive_end.decision.raise_above: "high" is not a number' in text


def test_an_override_that_contradicts_the_app_is_an_error_of_the_device_file(world):
    text = refused(world.device(add="override: {pipelines.drive_end.decision.raise_above: 0.1}\n"))

    assert "devices/pump-7.yaml:7: pipelines.drive_end.decision: clear_below 0.6 is above raise_above 0.1" in text
    assert "Write a lower one" in text


def test_two_apps_share_a_sensor_and_an_override_says_which_app_it_means(world):
    world.second_app("gears")
    apps = ("apps: [../apps/bearings]", "apps: [../apps/bearings, ../apps/gears]")

    text = refused(world.device(*apps, add="override: {pipelines.drive_end.decision.raise_above: 0.9}\n"))
    assert "Write which app is meant: `bearings.pipelines.drive_end.decision.raise_above`." in text

    device = load_device(world.device(*apps, add="override: {gears.pipelines.drive_end.decision.raise_above: 0.9}\n"))
    assert [app.pipelines[0].decision.config.raise_above for app in device.apps] == [0.8, 0.9]


def test_an_app_named_twice_is_refused(world):
    text = refused(world.device("[../apps/bearings]", "[../apps/bearings, ../apps/bearings]"))

    assert "devices/pump-7.yaml:2: apps[1]: the app bearings is named twice" in text


def test_an_app_that_is_not_there_is_refused_in_the_device_file(world):
    assert "devices/pump-7.yaml:2: apps[0]: there is no app.yaml in apps/pumps" in refused(
        world.device("../apps/bearings", "../apps/pumps")
    )


def test_a_missing_model_file_is_named_with_what_the_folder_holds(world):
    world.model.rename(world.model.with_name("other.tflite"))

    text = refused(world.device_file)

    assert (
        "apps/bearings/app.yaml:11: pipelines.drive_end.model.file: apps/bearings/models/net.tflite is missing" in text
    )
    assert "The folder holds models/other.tflite." in text


def test_training_may_load_an_app_whose_model_is_still_to_be_made(world):
    world.model.unlink()

    assert load_app(world.app_file, with_models=False).pipelines[0].model.config.file == "models/net.tflite"


@pytest.mark.parametrize("path", ["/etc/passwd", "../net.tflite"])
def test_a_model_file_outside_the_app_is_refused(world, path):
    world.app("models/net.tflite", path)

    assert "is not inside the app's folder" in refused(world.device_file)


def test_a_pipeline_that_listens_to_an_unknown_slot_is_refused(world):
    world.app("sensor: vibration", "sensor: vibraton")

    assert "`sensors` has no slot `vibraton`\n  Did you mean `sensor: vibration`?" in refused(world.device_file)


def test_an_override_that_is_out_of_range_is_the_only_thing_told(world):
    text = refused(world.device(add="override: {pipelines.drive_end.decision.raise_above: 8.5}\n"))

    assert "pipelines.drive_end.decision.raise_above: 8.5 is out of range" in text
    assert "tunable" not in text


def test_tunable_must_name_a_key_of_the_app(world):
    world.app("pipelines.drive_end.gate.above", "pipelines.drive_end.gate.abov")

    text = refused(world.device_file)
    assert "app.yaml:13: tunable[1]: `pipelines.drive_end.gate.abov` is no key of this app" in text
    assert "Did you mean `pipelines.drive_end.gate.above`?" in text


def test_a_parent_alarm_must_be_another_pipeline(world):
    world.app("raise_above: 0.8}", "suppressed_by: motor}")

    assert "decision.suppressed_by: there is no pipeline `motor`" in refused(world.device_file)


def test_a_hop_longer_than_the_window_would_leave_signal_unseen(world):
    world.app("hop_s: 0.5", "hop_s: 2")

    assert "pipelines.drive_end.window: `hop_s: 2` is longer than the window of 1 s" in refused(world.device_file)


def test_an_app_runs_wherever_all_its_plugins_do(world):
    assert load_app(world.app()).targets == ("linux", "micropython")
    assert load_app(world.app("plugin: net", "plugin: big_net")).targets == ("linux",)


def test_a_target_a_plugin_cannot_run_on_is_refused_when_the_app_asks_for_it(world):
    world.app("plugin: net", "plugin: big_net")
    world.app_file.write_text(world.app_file.read_text() + "targets: [linux, micropython]\n")

    with pytest.raises(ConfigError, match=r"targets\[1\]: plugin big_net does not run on micropython"):
        load_app(world.app_file)


def test_a_replay_takes_the_sensors_place_and_keeps_its_range(world):
    device = load_device(
        world.device("axis: z", "axis: z, range_g: 4"),
        replays={"vibration": Replay(world.folder / "x.mat", rate_hz=12000.0, channel="DE_time")},
    )

    sensor = device.sensors["vibration"]
    assert (sensor.plugin.name, sensor.replayed, sensor.rate_hz) == ("recording", True, 12000.0)
    assert (sensor.config.file, sensor.config.channel) == (str(world.folder / "x.mat"), "DE_time")
    assert (sensor.config.range, sensor.config.unit, sensor.config.axes) == (4.0, "g", 1)


def test_a_replay_serves_a_slot_that_is_not_bound_and_is_not_too_slow(world):
    device = load_device(
        world.device("sensors:\n  vibration: {plugin: chip, bus: 1, rate_hz: 3332, axis: z}\n", ""),
        replays={"vibration": Replay(Path("x.wav"), rate_hz=200.0)},
    )

    assert device.sensors["vibration"].rate_hz == 200.0  # its windows will be `unknown`, with the reason


def test_a_replay_for_an_unknown_slot_is_refused(world):
    text = refused(world.device(), replays={"vibratoin": Replay(Path("x.wav"))})

    assert "--replay vibratoin=…" in text
    assert "Did you mean `vibration`?" in text


def test_a_bearing_whose_numbers_are_swapped_is_refused(world):
    text = refused(
        world.device(
            "machine: {shaft_hz: 29.5}", "machine: {shaft_hz: 29.5, bearing: {balls: 9, ball_mm: 39, pitch_mm: 8}}"
        )
    )

    assert "machine.bearing: `ball_mm: 39` is not smaller than `pitch_mm: 8`" in text


def test_an_apps_own_plugin_is_loaded_from_its_folder(world):
    (world.app_file.parent / "plugin.py").write_text(
        "from pydantic import BaseModel\n"
        "from edge_app.core.plugin import Plugin\n"
        "class Keys(BaseModel, extra='forbid'):\n    limit: float = 1.0\n"
        "PLUGINS = {'deciders': [Plugin('mine', 'mine', Keys, lambda config, context: None)]}\n"
    )
    world.app("decision: {plugin: limit, raise_above: 0.8}", "decision: {plugin: mine, limit: 2.0}")
    text = world.app_file.read_text().replace("tunable: [pipelines.drive_end.decision.raise_above, ", "tunable: [")
    world.app_file.write_text(text.replace("sensors:", "plugins: plugin.py\nsensors:", 1))

    app = load_app(world.app_file)

    assert app.pipelines[0].decision.config.limit == 2.0
    assert app.targets == ("linux",)


def test_an_apps_plugin_that_fails_is_told_without_a_traceback(world):
    (world.app_file.parent / "plugin.py").write_text("import nothing_of_that_name\n")
    world.app("version: 1.0.0", "version: 1.0.0\nplugins: plugin.py")

    text = refused(world.device_file)

    assert "apps/bearings/plugin.py fails when loaded: ModuleNotFoundError" in text


def test_neither_branch_of_a_union_repeats_the_complaint(world):
    text = refused(world.device('"mqtt://127.0.0.1"', '"mqtt://x", confirm: yes'))

    assert text.count("publish.confirm") == 1


@pytest.mark.parametrize("text", ["device: {site: a}", "device: pump-7", "apps: []", "device: {id: A B}"])
def test_the_id_of_a_device_is_read_or_its_absence_is_told(world, text):
    assert device_id(world.device()) == "pump-7"

    world.device_file.write_text(text)
    with pytest.raises(ConfigError, match=r"pump-7.yaml:1: device.id: the device has no id"):
        device_id(world.device_file)


def test_an_app_given_for_a_device_is_told(world):
    assert "apps/bearings/app.yaml:1: this is an app, and a device's file is needed" in refused(world.app_file)


def test_a_slot_with_an_impossible_name_is_told_by_its_name(world):
    text = refused(world.device("  vibration:", "  Drive End.1:"))

    assert "devices/pump-7.yaml:4: sensors.Drive End.1: the name `Drive End.1` is not small letters, digits" in text
    assert "Name it, e.g. `drive_end_1`." in text
