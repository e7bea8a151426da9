"""Times training steps of `paper` in PyTorch beside those of `lookhear-train`, taking turns, on random inputs of the paper's size.

    pip install torch torchvision
    cargo build --release -p lookhear-trainer --example step            # --features cuda or libtorch where wanted
    python tests/peers/torch_step.py target/release/examples/step BATCH [OURS=cpu] [THEIRS=cpu] [f32|bf16] [--compile] [--profile]

A step is both views and the sounds forward, the tri-map contrast and the equivariance, backward, and Adam; the first of each round
is left out. On an NVIDIA GPU: OURS=cuda THEIRS=cuda, batches 32 and 128, with and without --compile. --profile writes where
PyTorch's time goes; for ours run `nsys profile` or `perf record` on the example.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
import torchvision

ROUNDS, STEPS = 3, 2


def encoder(channels):
    net = torchvision.models.resnet18()
    net.conv1 = torch.nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    net.layer4[0].conv1.stride = net.layer4[0].downsample[0].stride = (1, 1)
    return torch.nn.Sequential(
        net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4
    )


def contrast(maps):
    def mean(maps, weights):
        return (weights * maps).sum(-1) / weights.sum(-1)

    scores = mean(maps, torch.sigmoid((maps - 0.65) / 0.03))
    eye = torch.eye(len(maps), device=maps.device)
    own = (maps * eye[:, :, None]).sum(1)
    background = mean(own, 1 - torch.sigmoid((own - 0.4) / 0.03))
    logits = torch.cat([(scores * eye).sum(1, True), scores * (1 - 100 * eye), background[:, None]], 1) / 0.07
    return torch.nn.functional.cross_entropy(logits, torch.zeros(len(maps), dtype=torch.long, device=maps.device)), own


class Step(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.vision, self.sound = encoder(3), encoder(1)

    def forward(self, pictures, transformed, sounds):
        unit = torch.nn.functional.normalize
        heard = unit(self.sound(sounds).amax((2, 3)), dim=1)
        losses, owns = zip(
            *(
                contrast(torch.einsum("ick,jc->ijk", unit(self.vision(view), dim=1).flatten(2).float(), heard.float()))
                for view in (pictures, transformed)
            )
        )
        return sum(losses) / 2 + ((owns[0] - owns[1]) ** 2).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("example")
    parser.add_argument("batch", type=int)
    parser.add_argument("ours", nargs="?", default="cpu")
    parser.add_argument("theirs", nargs="?", default="cpu")
    parser.add_argument("precision", nargs="?", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    example, batch, ours, theirs, precision = options.example, options.batch, options.ours, options.theirs, options.precision
    step = Step().to(theirs).train()
    optimizer = torch.optim.Adam(step.parameters(), lr=1e-4, weight_decay=1e-4)
    run = torch.compile(step) if options.compile else step
    inputs = [torch.randn(batch, *shape, device=theirs) for shape in ((3, 224, 224), (3, 224, 224), (1, 257, 670))]

    def one():
        begun = time.perf_counter()
        with torch.autocast(theirs.split(":")[0], torch.bfloat16, enabled=precision == "bf16"):
            loss = run(*inputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        return time.perf_counter() - begun

    if options.profile:
        one()
        activities = [torch.profiler.ProfilerActivity.CPU]
        if theirs.startswith("cuda"):
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=activities) as profile:
            one()
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=15))
    rounds = []
    for number in range(ROUNDS):
        process = subprocess.run(
            [example, str(batch), str(STEPS), ours, precision], check=True, capture_output=True, text=True
        )
        own = statistics.median(float(line) for line in process.stdout.split()[1:])
        one()
        other = statistics.median(one() for _ in range(STEPS))
        rounds.append((own, other))
        print(f"round {number + 1}: ours ({ours}) {own:.3f} s a step, PyTorch {torch.__version__} ({theirs}) {other:.3f} s, {other / own:.2f} of its speed")
    ratio = statistics.median(other / own for own, other in rounds)
    print(f"batch {batch}, {precision}: {ratio:.2f} of PyTorch's speed, median of {ROUNDS} rounds; {Path(example).name}")


if __name__ == "__main__":
    main()
