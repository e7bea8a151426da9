"""Times the networks of a model bundle in ONNX Runtime, beside `lookhear bench` on the same bundle, taking turns.

    pip install onnxruntime numpy
    python tests/peers/onnxruntime_tick.py target/release/lookhear runtime/model/default.lookhear

`lookhear bench` times front end and network together, ONNX Runtime the network alone; one thread each.
"""

import json
import statistics
import subprocess
import sys
import time
import zipfile

import numpy
import onnxruntime

ROUNDS = 5
TICKS = 30


def session(archive, part):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(archive.read(part), options, providers=["CPUExecutionProvider"])


def median_milliseconds(network):
    entry = network.get_inputs()[0]
    values = numpy.random.default_rng(0).standard_normal(entry.shape).astype(numpy.float32)
    times = []
    for _ in range(TICKS):
        start = time.perf_counter()
        network.run(None, {entry.name: values})
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[3:])


def main(program, bundle):
    archive = zipfile.ZipFile(bundle)
    picture, sound = session(archive, "vision.onnx"), session(archive, "audio.onnx")
    rounds = []
    for _ in range(ROUNDS):
        theirs = median_milliseconds(picture), median_milliseconds(sound)
        command = [program, "bench", "--model", bundle, "--ticks", str(TICKS)]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        rounds.append((ours["picture"]["median"], theirs[0], ours["sound"]["median"], theirs[1]))
    columns = [statistics.median(column) for column in zip(*rounds)]
    for name, ours, theirs in (("picture", *columns[:2]), ("patch of sound", *columns[2:])):
        print(f"{name}: lookhear {ours:.1f} ms, ONNX Runtime {onnxruntime.__version__} {theirs:.1f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
