"""What one process costs with no framework at all: the hand-written loop that the framework is measured against.

Same front end, same model and engine, same payload text, QoS 1 over paho; no journal, no quality gate, no alarm rules,
no threads but paho's. Run by benchmarks/framework.py; alone:

    python benchmarks/peers/bare_loop.py --recording FILE.npz --model FILE.tflite --rate-hz 3332 --hop 3332 \\
        --port 1883 --windows 1000
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from edge_app.core.frames import Window
from edge_app.core.results import FeatureVector
from edge_app.features.schema import VibrationSettings
from edge_app.features.vibration import Vibration
from edge_app.inference.score import ScoreMap
from edge_app.inference.tflite import make_engine

SCALE_G = 16 / 32768


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--recording", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rate-hz", type=float, required=True)
    parser.add_argument("--hop", type=int, required=True, help="samples")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--windows", type=int, required=True)
    parser.add_argument("--pace", type=float, default=0.0, help="windows per second; 0 is as fast as it goes")
    return parser.parse_args()


def main():
    options = parse()
    import paho.mqtt.client as mqtt

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="bare-loop", protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", options.port)
    client.loop_start()
    manifest = json.loads(options.model.with_suffix(".json").read_text())
    engine = make_engine(options.model.read_bytes(), str(options.model))
    settings_of = manifest["features"]["settings"]
    settings = VibrationSettings(
        tuple(settings_of["band_hz"]),
        settings_of["bands"],
        settings_of["axes"],
        settings_of["min_rate_hz"],
        settings_of["window_s"],
        settings_of["noise_ug_per_rthz"],
    )
    front_end = Vibration(settings, options.rate_hz, SCALE_G)
    offset = np.array(manifest["standardize"]["offset"], np.int64)
    multiplier = np.array(manifest["standardize"]["multiplier"], np.int64)
    shift = manifest["standardize"]["shift"]
    zero_in, zero_out = manifest["input"]["zero_point"], manifest["output"]["zero_point"]
    knots = ScoreMap(tuple(tuple(knot) for knot in manifest["score"]["knots"]))
    with np.load(options.recording) as file:
        counts = file["z"]
    length = round(options.rate_hz)
    last = (counts.shape[1] - length) // options.hop + 1
    standing, sent, due = False, 0, time.perf_counter()
    for index in range(options.windows):
        if options.pace:
            due += 1 / options.pace
            time.sleep(max(0.0, due - time.perf_counter()))
        start = (index % last) * options.hop
        samples = np.ascontiguousarray(counts[:, start : start + length])
        features: FeatureVector = front_end.extract(Window(samples, SCALE_G, "g", options.rate_hz, 0.0, 1.0))
        steps = ((features.values - offset) * multiplier + (1 << (shift - 1))) >> shift
        inputs = np.clip(steps + zero_in, -128, 127).astype(np.int8)
        error = np.clip(steps, -1024, 1023) - (engine.invoke(inputs).reshape(-1) - zero_out)
        score = knots.score(int((error * error).sum()))
        if (score > 8000) != standing:
            standing = not standing
            sent += 1
            client.publish("edge/1/lab/bare/d/pump", message(sent, index, standing, score), qos=1)
    client.disconnect()
    client.loop_stop()
    print(json.dumps({"windows": options.windows, "sent": sent}))


def message(seq, index, standing, score):
    """About what a decision of the framework says."""
    fields = {
        "v": 1, "dev": "bare", "app": "simulated_pump", "appv": "1.0.0", "pipe": "pump", "jid": "0" * 12, "boot": 1,
        "seq": seq, "t": time.time_ns() // 1_000_000, "ts": "rtc", "mono": index * 1000,
        "event": "raised" if standing else "cleared", "state": "active" if standing else "normal",
        "level": "alarm" if standing else "ok", "flags": [], "score": score, "threshold": 8000,
        "why": {"text": "Vibration unlike this machine's normal: " + "." * 200}, "q": 100, "win_ms": 1000,
        "model": {"n": "pump_int8", "h": "0" * 12}, "hist": False,
    }  # fmt: skip
    return json.dumps(fields)


if __name__ == "__main__":
    main()
