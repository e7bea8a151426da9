"""Times the networks on an NVIDIA GPU: lookhear on tract-cuda, ONNX Runtime and PyTorch compiled, taking turns; and many cameras.

Lookhear and ONNX Runtime in single and in half precision, PyTorch in half.

    pip install numpy onnx onnxruntime-gpu sympy torch torchvision
    cargo build --release -p lookhear --features cuda
    python tests/peers/gpu_tick.py [target/release/lookhear]

Prints a table: latency of one picture and one sound at batch 1, medians in turns; the cosine between what lookhear gives and what tract
gives on the processor; what was left on the processor, which should be nothing; the start with an empty and with a filled cache of kernels; and percepts a second against the number of cameras.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
import onnxruntime
import torch
import torchvision
from onnxruntime.transformers import float16

import paper_networks

ROUNDS, TICKS = 5, 50
BACKENDS = ("cuda", "cuda-f16")


def median_milliseconds(work):
    times = []
    for _ in range(TICKS + 5):
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[5:])


def bench(program, backend, *arguments, **more):
    command = [program, "bench", "--backend", backend, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, **more).stdout)


def sessions(path):
    """The network in single precision, and in half with inputs and outputs in single: for timing, for its lengths overflow."""
    half = path.with_suffix(".f16.onnx")
    onnx.save(float16.convert_float_to_float16(onnx.load(path), keep_io_types=True), half)
    return [onnxruntime.InferenceSession(str(file), providers=["CUDAExecutionProvider"]) for file in (path, half)]


def compiled(channels):
    net = torchvision.models.resnet18()
    net.conv1 = torch.nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    net.layer4[0].conv1.stride = net.layer4[0].downsample[0].stride = (1, 1)
    layers = [net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4]
    return torch.compile(torch.nn.Sequential(*layers).eval().cuda().half(), mode="max-autotune")


def main(program="target/release/lookhear"):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, shape, is_pooled in (("picture", [1, 3, 224, 224], False), ("sound", [1, 1, 257, 670], True)):
            path = folder / f"{name}.onnx"
            paper_networks.write(str(path), *shape[1:], is_pooled)
            peers = sessions(path)
            values = numpy.random.default_rng(0).standard_normal(shape).astype(numpy.float32)
            network, tensor = compiled(shape[1]), torch.from_numpy(values).cuda().half()
            given = ["--network", path, "--input", ",".join(map(str, shape)), "--ticks", TICKS]
            rounds, left, cosines = [], set(), {}
            for _ in range(ROUNDS):
                row = []
                for backend in BACKENDS:
                    ours = bench(program, backend, *given)["networks"][0]
                    left.update(f"{backend}: {operator}" for operator in ours.get("left_on_processor", []))
                    cosines[backend] = ours["cosine"]
                    row.append(ours["ours"]["median"])
                row += [median_milliseconds(lambda: session.run(None, {"input": values})) for session in peers]
                with torch.inference_mode():
                    row.append(median_milliseconds(lambda: network(tensor)))
                rounds.append(row)
            single, half, peer_single, peer_half, pytorch = (statistics.median(column) for column in zip(*rounds))
            print(f"paper {name}: lookhear f32 {single:.2f} ms, f16 {half:.2f}; ONNX Runtime CUDA f32 {peer_single:.2f}, f16 {peer_half:.2f};")
            print(f"  PyTorch compiled f16 {pytorch:.2f}")
            print(f"  cosine with the processor's: {', '.join(f'{backend} {cosine:.6f}' for backend, cosine in cosines.items())}")
            print(f"  left on the processor: {sorted(left) or 'nothing'}")
        cache = folder / "cache"
        for state in ("empty", "filled"):
            environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
            first = bench(program, "cuda", "--ticks", 1, env=environment)["first_percept"]
            print(f"first percept, cache of kernels {state}: {first:.0f} ms")
        shutil.rmtree(cache, ignore_errors=True)
        for backend in BACKENDS:
            for row in bench(program, backend, "--ticks", 40, "--cameras", 16, "--threads", 8)["cameras"]:
                print(f"{backend}, {row['cameras']} cameras: {row['percepts_per_second']:.0f} percepts a second")


if __name__ == "__main__":
    main(*sys.argv[1:])
