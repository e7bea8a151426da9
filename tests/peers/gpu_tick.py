"""Times the networks on an NVIDIA GPU: lookhear on tract-cuda, ONNX Runtime and PyTorch compiled, taking turns; and many cameras.

    pip install numpy onnx onnxruntime-gpu torch torchvision
    cargo build --release -p lookhear --features cuda
    python tests/peers/gpu_tick.py [target/release/lookhear]

Prints a table: latency of one picture and one sound at batch 1, medians in turns; what was left on the processor, which should be
nothing; the start with an empty and with a filled cache of kernels; and percepts a second against the number of cameras.
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
import onnxruntime
import torch
import torchvision

import paper_networks

ROUNDS, TICKS = 5, 50


def median_milliseconds(work):
    times = []
    for _ in range(TICKS + 5):
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[5:])


def bench(program, *arguments, **more):
    command = [program, "bench", "--backend", "cuda", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, **more).stdout)


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
            session = onnxruntime.InferenceSession(str(path), providers=["CUDAExecutionProvider"])
            values = numpy.random.default_rng(0).standard_normal(shape).astype(numpy.float32)
            network, tensor = compiled(shape[1]), torch.from_numpy(values).cuda().half()
            rounds, left = [], set()
            for _ in range(ROUNDS):
                ours = bench(program, "--network", path, "--input", ",".join(map(str, shape)), "--ticks", TICKS)["networks"][0]
                left.update(ours.get("left_on_processor", []))
                with torch.inference_mode():
                    theirs = median_milliseconds(lambda: network(tensor))
                rounds.append((ours["ours"]["median"], median_milliseconds(lambda: session.run(None, {"input": values})), theirs))
            ours, onnx, pytorch = (statistics.median(column) for column in zip(*rounds))
            print(f"paper {name}: lookhear {ours:.2f} ms, ONNX Runtime CUDA f32 {onnx:.2f}, PyTorch compiled f16 {pytorch:.2f}")
            print(f"  left on the processor: {sorted(left) or 'nothing'}")
        cache = folder / "cache"
        for state in ("empty", "filled"):
            environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
            print(f"first percept, cache of kernels {state}: {bench(program, '--ticks', 1, env=environment)['first_percept']:.0f} ms")
        shutil.rmtree(cache, ignore_errors=True)
        for row in bench(program, "--ticks", 40, "--cameras", 16, "--threads", 8)["cameras"]:
            print(f"{row['cameras']} cameras: {row['percepts_per_second']:.0f} percepts a second")


if __name__ == "__main__":
    main(*sys.argv[1:])
