"""`edge-app doctor` reaches a real broker in stages, and says at which one it fails and what to do."""

from __future__ import annotations

import json

import pytest
from cli import REPOSITORY, edge_app

DEVICE = """\
device: {{id: bench, site: lab}}
apps: [{app}]
sensors: {{vibration: {{plugin: simulated, rate_hz: 3332}}}}
publish: {{broker: "mqtt://127.0.0.1:{port}"{more}}}
"""


def broker_checks(folder, port: int, more: str = "", **environment) -> dict[str, dict]:
    """The findings about the broker, by stage."""
    app = REPOSITORY / "tests" / "support" / "apps" / "level_watch"
    (folder / "bench.yaml").write_text(DEVICE.format(app=app, port=port, more=more))
    done = edge_app("doctor", "bench.yaml", "--json", cwd=folder, EDGE_APP_STATE=folder / "state", **environment)
    assert "Traceback" not in done.stderr
    found = json.loads(done.stdout)["checks"]
    return {check["name"].removeprefix("broker: "): check for check in found if check["name"].startswith("broker")}


@pytest.mark.broker
def test_a_broker_that_is_well_passes_every_stage(mosquitto, tmp_path):
    broker = mosquitto()

    stages = broker_checks(tmp_path, broker.port)

    assert list(stages) == ["name", "TCP", "TLS", "MQTT", "publish"]
    assert all(check["status"] == "ok" for check in stages.values())


@pytest.mark.broker
def test_a_wrong_password_fails_at_mqtt_with_a_remedy(mosquitto, tmp_path):
    (tmp_path / "passwords").write_text("")
    broker = mosquitto(f"password_file {tmp_path / 'passwords'}", anonymous=False)

    stages = broker_checks(
        tmp_path, broker.port, ", username: bench, password: {env: BENCH_PASSWORD}", BENCH_PASSWORD="s3cret"
    )

    assert [check["status"] for check in stages.values()] == ["ok", "ok", "ok", "fail"]
    assert stages["MQTT"]["remedy"]
    assert "s3cret" not in json.dumps(stages)


def test_a_password_that_is_nowhere_is_told_before_anything_is_sent(tmp_path):
    stages = broker_checks(tmp_path, 1, ", username: bench, password: {env: BENCH_PASSWORD_THAT_IS_NOT_SET}")

    assert list(stages) == ["broker"]
    assert "BENCH_PASSWORD_THAT_IS_NOT_SET is not set" in stages["broker"]["detail"]
