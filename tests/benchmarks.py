"""Measures the product against its neighbours, taking turns, and writes tests/BENCHMARKS.md.

    pip install numpy onnx onnxruntime opencv-python-headless torch torchaudio
    CARGO_PROFILE_RELEASE_LTO=fat cargo build --release -p lookhear         # as board/package builds it
    python tests/benchmarks.py [--rounds 3] [--ticks 20]

A quarter of an hour on two cores that do nothing else. Every figure is the median of rounds of medians; ours and theirs alternate
within a round, on the same inputs and with as many threads. What is not installed is left out, and the page says so.
"""

import argparse
import json
import logging
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

import numpy
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))
import paper_networks  # noqa: E402

ROOT = pathlib.Path(__file__).parent.parent
SIZE = (1280, 720)
SIDE = 448
BACKENDS = ("cpu", "cpu-int8")
THREADS = (1, 2)
JPEG = "JPEG"
QUALITIES = (50, 70, 85)
LOG_MEL = "log-mel, 10 s (ours in blocks of 20 ms)"


def median_milliseconds(work, count):
    times = []
    for _ in range(count + count // 10 + 1):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[count // 10 + 1 :])


def bench(program, *arguments):
    command = [program, "bench", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    network = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    entry = network.get_inputs()[0]
    values = numpy.random.default_rng(0).standard_normal(entry.shape).astype(numpy.float32)
    return lambda: network.run(None, {entry.name: values})


def quantise(path, to):
    """ONNX Runtime's best int8 here: QDQ, activations u8, weights i8 for each channel; ranges from noise, for only time counts."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Noise(CalibrationDataReader):
        def __init__(self, path):
            entry = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_inputs()[0]
            random = numpy.random.default_rng(0)
            self.inputs = iter([{entry.name: random.standard_normal(entry.shape).astype(numpy.float32)} for _ in range(2)])

        def get_next(self):
            return next(self.inputs, None)

    logging.disable(logging.WARNING)
    prepared = to.with_suffix(".prepared.onnx")
    quant_pre_process(str(path), str(prepared))
    quantize_static(
        str(prepared),
        str(to),
        Noise(prepared),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def networks(program, folder, arguments):
    archive = zipfile.ZipFile(ROOT / "runtime/model/default.lookhear")
    files = {}
    for part, name, shape in (
        ("vision.onnx", "edge, picture", [1, 3, SIDE, SIDE]),
        ("audio.onnx", "edge, 0.96 s of sound", [1, 1, 96, 64]),
    ):
        files[name] = (folder / part, shape)
        files[name][0].write_bytes(archive.read(part))
    for file, name, shape, is_pooled in (
        ("paper_picture.onnx", "paper, picture", [1, 3, 224, 224], False),
        ("paper_sound.onnx", "paper, 10 s of sound", [1, 1, 257, 670], True),
        ("paper_second.onnx", "paper, 1 s of sound", [1, 1, 257, 68], True),
    ):
        files[name] = (folder / file, shape)
        paper_networks.write(str(folder / file), *shape[1:], is_pooled)
    rows = []
    for name, (path, shape) in files.items():
        small = path.with_suffix(".int8.onnx")
        quantise(path, small)
        for threads in THREADS:
            rounds = []
            for _ in range(arguments.rounds):
                common = ["--network", path, "--input", ",".join(map(str, shape)), "--threads", threads]
                ours, in_integers = (bench(program, *common, "--ticks", arguments.ticks, "--backend", backend) for backend in BACKENDS)
                measured, measured_integers = ours["networks"][0], in_integers["networks"][0]
                # One session at a time: the threads of an idle one spin, and take from the other.
                times = [median_milliseconds(session(network, threads), arguments.ticks) for network in (path, small)]
                mine = [network["ours"]["median"] for network in (measured, measured_integers)]
                rounds.append((ours["machine"], measured, measured_integers, *mine, *times, measured["tract"]["median"]))
            medians = [statistics.median(column) for column in list(zip(*rounds))[3:]]
            rows.append((name, threads, *rounds[-1][:3], medians))
            print(name, threads, [round(value, 2) for value in medians], flush=True)
    return rows


def front_ends(program, frames, arguments):
    """Ours to planes of f32, mean and deviation taken off; OpenCV only as far as bytes."""
    try:
        import cv2
    except ImportError:
        return []
    random = numpy.random.default_rng(0)
    width, height = SIZE
    noise = random.integers(0, 255, (height * 3 // 2, width), dtype=numpy.uint8)
    yuyv = random.integers(0, 255, (height, width, 2), dtype=numpy.uint8)
    rgb = random.integers(0, 255, (height, width, 3), dtype=numpy.uint8)
    jpegs = [numpy.frombuffer(frame.read_bytes(), numpy.uint8) for frame in frames]

    def fit(picture):
        return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)

    theirs = {
        "RGB": lambda: fit(rgb),
        "YUYV": lambda: fit(cv2.cvtColor(yuyv, cv2.COLOR_YUV2RGB_YUYV)),
        "NV12": lambda: fit(cv2.cvtColor(noise, cv2.COLOR_YUV2RGB_NV12)),
    }
    for jpeg in jpegs:
        whole = lambda jpeg=jpeg: fit(cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))
        reduced = lambda jpeg=jpeg: cv2.imdecode(jpeg, cv2.IMREAD_REDUCED_COLOR_4)
        name = jpeg_of(len(jpeg))
        theirs |= {name: whole, f"{name}, theirs to a quarter of its edge and no further": reduced}
    rows = []
    for threads in THREADS:
        cv2.setNumThreads(threads)
        rounds = []
        for _ in range(arguments.rounds):
            ours = {}
            for frame in frames:
                measured = bench(program, "--ticks", arguments.ticks, "--frame", frame, "--threads", threads)
                measured = dict(measured["front_ends"])
                ours |= measured | {jpeg_of(frame.stat().st_size): measured[JPEG]}
            rounds.append(
                {
                    name: (ours[name.partition(",")[0]]["median"], median_milliseconds(work, arguments.ticks))
                    for name, work in theirs.items()
                }
            )
        for name in theirs:
            medians = (statistics.median(row[name][side] for row in rounds) for side in (0, 1))
            rows.append((name, threads, *medians, f"OpenCV {cv2.__version__}"))
            print(*rows[-1], flush=True)
    return rows


def log_mel(program, arguments):
    try:
        import torch
        import torchaudio
    except ImportError:
        return []
    torch.set_num_threads(1)
    transform = torchaudio.transforms.MelSpectrogram(
        16000, n_fft=512, win_length=400, hop_length=160, f_min=125.0, f_max=7500.0, n_mels=64, power=1.0, center=False
    )
    sound = torch.sin(torch.arange(160_000) * 0.05) * 0.5

    def theirs():
        with torch.inference_mode():
            return torch.log(transform(sound) + 0.001)

    rounds = []
    for _ in range(arguments.rounds):
        ours = bench(program, "--ticks", arguments.ticks)["log_mel"]["median"]
        rounds.append((ours, median_milliseconds(theirs, arguments.ticks)))
    medians = [statistics.median(column) for column in zip(*rounds)]
    return [(LOG_MEL, 1, *medians, f"torchaudio {torchaudio.__version__}")]


def jpeg_of(size_bytes):
    return f"{JPEG} of {size_bytes // 1000} kB"


def make_frame(folder, quality):
    """A frame as cameras send them: smooth things, edges, a little noise."""
    import cv2

    width, height = SIZE
    random = numpy.random.default_rng(0)
    picture = cv2.resize(random.integers(0, 255, (18, 32, 3), dtype=numpy.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        corner = random.integers(0, [width, height])
        cv2.circle(picture, tuple(map(int, corner)), int(random.integers(10, 90)), tuple(map(int, random.integers(0, 255, 3))), -1)
    picture = numpy.clip(picture + random.normal(0, 3, picture.shape), 0, 255).astype(numpy.uint8)
    path = folder / f"frame{quality}.jpg"
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return path


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def profile(rows):
    """Where our time goes on one thread, for the networks that ship."""
    text = ""
    for name, threads, _, *networks, _ in rows:
        if threads != 1 or not name.startswith("edge"):
            continue
        for backend, measured in zip(BACKENDS, networks):
            text += profile_of(f"{name}, `{backend}`", measured["steps"])
    return text


def profile_of(name, steps):
    whole = sum(step["median"] for step in steps)
    kinds = {}
    for step in steps:
        kind = kinds.setdefault(step["work"], [0, 0.0, 0.0])
        kind[0] += 1
        kind[1] += step["median"]
        kind[2] += step["floor"]
    text = f"\n{name}, by what is done:\n\n"
    text += table(
        ["operator", "steps", "ms", "floor, ms", "share"],
        [
            (kind, count, f"{time:.2f}", f"{least:.2f}", f"{time / whole:.0%}")
            for kind, (count, time, least) in sorted(kinds.items(), key=lambda item: -item[1][1])
        ],
    )
    lost = sorted(steps, key=lambda step: step["floor"] - step["median"])[:6]
    text += "\nThe steps that are farthest from their floor:\n\n"
    return text + table(
        ["step", "operator", "ms", "floor, ms"],
        [(f"`{step['name']}`", step["work"], f"{step['median']:.3f}", f"{step['floor']:.3f}") for step in lost],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "target/release/lookhear"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ticks", type=int, default=20)
    arguments = parser.parse_args()
    program = arguments.program
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rows = networks(program, folder, arguments)
        frames = [make_frame(folder, quality) for quality in QUALITIES]
        ends = front_ends(program, frames, arguments) + log_mel(program, arguments)
        ticks = [bench(program, "--ticks", arguments.ticks) for _ in range(arguments.rounds)]
        cameras = bench(program, "--ticks", arguments.ticks, "--cameras", 4, "--threads", 1)["cameras"]
    middle = lambda *path: statistics.median(follow(tick, path) for tick in ticks)  # noqa: E731
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    floors = {threads: machine for _, threads, machine, *_ in rows}
    page = f"""# Benchmarks

Made by `python tests/benchmarks.py` and not by hand. Times in milliseconds, medians of {arguments.rounds} rounds of {arguments.ticks};
ours and theirs in turns, on the same inputs, with as many threads. A ratio below 1 says that ours is the faster.

- Machine: {processor}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; {time.strftime("%Y-%m-%d")}
- {version}, release build; ONNX Runtime {onnxruntime.__version__}, Python {platform.python_version()}
- What the processor could do at best: """ + "; ".join(
        f"{threads} thread{'s' if threads > 1 else ''}: {machine['operations_per_second'] / 1e9:.1f} billion f32 multiplications with an "
        f"addition, {(machine['integer_operations_per_second'] or 0) / 1e9:.0f} billion of bytes, and {machine['bytes_per_second'] / 1e9:.1f} GB read a second"
        for threads, machine in floors.items()
    )
    page += """

## Networks

The floors are the multiplications over the rate of their kind, and the weights read once over the rate of reading. Where a
convolution takes fewer multiplications than it says (Winograd), the fewer are counted. tract runs on one thread in either row, as
built into lookhear.

In f32, beside ONNX Runtime's f32:

"""
    head = ["network", "threads", "floors", "lookhear", "× floor", "ONNX Runtime", "ratio"]
    lines = {backend: [] for backend in BACKENDS}
    for name, threads, _, measured, measured_integers, (ours, integers, theirs, small, tract) in rows:
        for backend, network, mine, peer in zip(BACKENDS, (measured, measured_integers), (ours, integers), (theirs, small)):
            floors_of = (network["operations_floor"], network["bytes_floor"])
            line = [name, threads, f"{floors_of[0]:.2f}, {floors_of[1]:.2f}", f"**{mine:.2f}**", f"{mine / max(floors_of):.2f}"]
            lines[backend].append(line + [f"{peer:.2f}", f"**{mine / peer:.2f}**"])
        lines["cpu"][-1] += [f"{tract:.2f}", f"{ours / tract:.2f}"]
        lines["cpu-int8"][-1] += [f"{integers / ours:.2f}"]
    page += table([*head, "tract", "ratio"], lines["cpu"])
    page += """
In int8 (`--backend cpu-int8`), beside ONNX Runtime's best int8 (static quantisation, u8 by i8, a scale for each channel). Ours
takes the scales of feature maps from ReLU6 or measures them in each run; theirs are calibrated beforehand. What int8 costs in accuracy stands in
`trainer/README.md`.

"""
    page += table([*head, "× our f32"], lines["cpu-int8"])
    page += f"""
## Around the network

A frame of 1280×720 to {SIDE}×{SIDE}, antialiased; the JPEGs are of quality {", ".join(map(str, QUALITIES))}. Ours ends with planes of f32 less mean
and deviation, OpenCV's with bytes. Of ours, only JPEG frames are shared by threads; what libjpeg-turbo, by OpenCV, takes for a picture
of 320×180 and nothing else stands beside as a measure of reading the codes.

"""
    page += table(
        ["front end", "threads", "lookhear", "theirs", "ratio", "they are"],
        [(name, threads, f"{ours:.2f}", f"{theirs:.2f}", f"**{ours / theirs:.2f}**", peer) for name, threads, ours, theirs, peer in ends],
    )
    log_mels = [ours for name, _, ours, *_ in ends if name == LOG_MEL]
    jpegs = [end for end in ends if end[0].startswith(JPEG) and "," not in end[0]]
    if jpegs and log_mels:
        page += """
From such a JPEG frame and 0.48 s of sound to a percept, all but the networks; the share is of a core at ten percepts a second, all
threads taken to be busy throughout:

"""
        # A tick hears 0.48 s.
        rest = log_mels[0] * 0.048 + middle("aim", "median")
        page += table(
            ["frame", "threads", "ms", "share"],
            [(name, threads, f"**{ours + rest:.2f}**", f"{(ours * threads + rest) / 100:.1%}") for name, threads, ours, *_ in jpegs],
        )
    page += f"""
Heatmap, peak and the point to aim at, from what the networks gave: {middle("aim", "median"):.3f} ms.

## Start and memory

- From the start to a model that is ready: {middle("load"):.0f} ms; to the first percept: {middle("first_percept"):.0f} ms.
- The most memory that was ever resident: {middle("peak_memory_mib"):.0f} MiB.
- The program with its model: {pathlib.Path(program).stat().st_size / 1e6:.1f} MB.

## Several cameras with one model

"""
    page += table(
        ["cameras", "ms a percept", "percepts a second, all together", "memory beyond one camera, MiB"],
        [
            (row["cameras"], f"{row['per_percept']:.1f}", f"{row['percepts_per_second']:.1f}", f"{row['more_memory_mib']:.0f}")
            for row in cameras
        ],
    )
    page += "\n## Where the time goes\n\nOne thread.\n" + profile(rows)
    page += """
## Not measured here

This page is made on a machine without a GPU. On one that has an NVIDIA GPU: `python tests/peers/gpu_tick.py`. Training steps
against PyTorch: `python tests/peers/torch_step.py`.
"""
    (ROOT / "tests/BENCHMARKS.md").write_text(page)
    print(page)


def follow(value, path):
    for key in path:
        value = value[key]
    return value


if __name__ == "__main__":
    main()
