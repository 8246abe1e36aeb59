"""Writes inference_golden.json: hashes of what tflite-runtime 2.14's reference kernels answer to seeded inputs.

Run under Python 3.11 with tflite-runtime 2.14.0, from the repository: `python tests/golden/make_inference_golden.py`.
The test beside it holds the numpy engine to these hashes on every Python, also where no such wheel exists.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "support"))

from random_models import MAKERS  # noqa: E402

GOLDEN = HERE / "inference_golden.json"
SHARED = ("ad01_int8", "kws_ref_model", "hello_world_int8")
RANDOM_MODELS = 25
INPUTS = 20


def cases(shared_data: Path) -> dict[str, list[bytes]]:
    """Model files by case: one shared model each, or all random models of one kind."""
    found = {name: [(shared_data / "models" / f"{name}.tflite").read_bytes()] for name in SHARED}
    return found | {
        kind: [make(np.random.RandomState(1000 + n)) for n in range(RANDOM_MODELS)] for kind, make in MAKERS.items()
    }


def seeded_inputs(shape: tuple[int, ...]) -> list[np.ndarray]:
    """The inputs every engine is given; RandomState's streams are frozen by numpy's own promise."""
    random = np.random.RandomState(2014)
    return [random.randint(-128, 128, shape).astype(np.int8) for _ in range(INPUTS)]


def model_hash(models: list[bytes]) -> str:
    """Tells a changed model writer from a changed engine."""
    return hashlib.sha256(b"".join(models)).hexdigest()


def main() -> None:
    """Run the reference and write the file."""
    from tflite_runtime.interpreter import Interpreter, OpResolverType

    if version("tflite-runtime") != "2.14.0":
        raise SystemExit("needs tflite-runtime 2.14.0")
    shared = Path(os.environ.get("EDGE_APP_DATA", HERE.parents[2] / "shared"))
    hashes = {}
    for name, models in cases(shared).items():
        digest = hashlib.sha256()
        for data in models:
            interpreter = Interpreter(
                model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
            )
            interpreter.allocate_tensors()
            source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
            for inputs in seeded_inputs(tuple(int(size) for size in source["shape"])):
                interpreter.set_tensor(source["index"], inputs)
                interpreter.invoke()
                digest.update(interpreter.get_tensor(target["index"]).tobytes())
        hashes[name] = {"models": model_hash(models), "outputs": digest.hexdigest()}
    content = {"reference": "tflite-runtime 2.14.0, OpResolverType.BUILTIN_REF, x86-64", "cases": hashes}
    GOLDEN.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
