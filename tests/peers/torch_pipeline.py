"""Times preparing training examples in a PyTorch DataLoader, beside the loader of `lookhear-train` on the same files, taking turns.

    pip install torch torchvision torchaudio numpy pillow
    cargo build --release -p lookhear-trainer --example pipeline
    python tests/peers/torch_pipeline.py target/release/examples/pipeline [WORKERS]

Both decode a JPEG of 640 x 360 pixels and ten seconds of WAV, augment the picture (crop, jitter, grey, blur, flip), transform it a second
time (turn, scale, flip), and make a masked mel spectrogram in decibels. The files are made here, a few hundred of each.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import time

import numpy
import torch
import torchaudio
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional

ITEMS = 256
ROUNDS = 3
BATCH = 32
RATE_HZ = 16_000
SAMPLES = 10 * RATE_HZ


def make(folder):
    """Pictures with as much detail as a photograph has about, and noise that comes and goes."""
    generator = numpy.random.default_rng(0)
    for index in range(ITEMS):
        frame = folder / "total_video_frames" / f"{index:06}"
        frame.mkdir(parents=True)
        coarse = Image.fromarray(generator.integers(0, 256, (45, 80, 3), dtype=numpy.uint8)).resize((640, 360), Image.BICUBIC)
        fine = generator.normal(0, 6, (360, 640, 3))
        pixels = (numpy.asarray(coarse) + fine).clip(0, 255).astype(numpy.uint8)
        Image.fromarray(pixels).save(frame / "125.jpg", quality=90)
        sounds = folder / "total_video_3s_audio"
        sounds.mkdir(exist_ok=True)
        level = numpy.sin(numpy.arange(SAMPLES) * 2 * numpy.pi / RATE_HZ) ** 2
        samples = (generator.normal(0, 3000, SAMPLES) * level).clip(-32768, 32767).astype("<i2")
        with wave.open(str(sounds / f"{index:06}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(samples.tobytes())


class Examples(torch.utils.data.Dataset):
    def __init__(self, folder):
        self.folder = folder
        self.picture = transforms.Compose([
            transforms.RandomResizedCrop(224, scale=(0.3, 1.0)),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([transforms.GaussianBlur(23, (0.1, 2.0))], p=0.5),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])
        self.mel = torchaudio.transforms.MelSpectrogram(
            RATE_HZ, n_fft=512, hop_length=239, n_mels=257, normalized=True)
        self.masks = torch.nn.Sequential(
            torchaudio.transforms.TimeMasking(180), torchaudio.transforms.FrequencyMasking(35))

    def __len__(self):
        return ITEMS

    def __getitem__(self, index):
        with Image.open(self.folder / "total_video_frames" / f"{index:06}" / "125.jpg") as picture:
            view = self.picture(picture.convert("RGB"))
        # Which scale a batch has does not matter to the time an item takes but for halving the result's size.
        transformed = functional.affine(
            view, random.randint(-30, 30), [0, 0], random.choice([0.5, 1.0]), [0, 0], transforms.InterpolationMode.BILINEAR)
        if random.random() < 0.5:
            transformed = functional.hflip(transformed)
        # Read without torchaudio's decoder, which needs another package: the least that can be done.
        with wave.open(str(self.folder / "total_video_3s_audio" / f"{index:06}.wav")) as file:
            samples = numpy.frombuffer(file.readframes(SAMPLES), "<i2").astype(numpy.float32) / 32768
        power = self.mel(torch.from_numpy(samples)[None])
        if random.random() < 0.8:
            power = self.masks(power)
        return view, transformed, 10 * power.clamp(min=1e-10).log10()


def theirs(loader):
    start, items = time.perf_counter(), 0
    for view, _, _ in loader:
        items += len(view)
    return items / (time.perf_counter() - start)


def ours(program, folder, workers):
    command = [program, str(folder), str(workers), "1"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["items_per_second"]


def main(program, workers="2"):
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        # Workers live on from pass to pass, as ours have nothing to start either; the first pass is not counted.
        loader = torch.utils.data.DataLoader(
            Examples(folder), BATCH, shuffle=True, drop_last=True, num_workers=int(workers), persistent_workers=int(workers) > 0)
        theirs(loader)
        rounds = [(ours(program, folder, workers), theirs(loader)) for _ in range(ROUNDS)]
    for mine, other in rounds:
        print(f"  ours {mine:.1f}, PyTorch {other:.1f} items/s")
    mine, other = (statistics.median(column) for column in zip(*rounds))
    print(f"{workers} workers: lookhear {mine:.1f}, PyTorch {torch.__version__} {other:.1f} items/s, ratio {mine / other:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
