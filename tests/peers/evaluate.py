"""Scores raw heatmaps against annotation files by NumPy alone, and compares with what `lookhear-train evaluate` says.

    pip install numpy pillow
    python tests/make_test_set.py SET
    lookhear-train evaluate BUNDLE --data vgg-ss --root SET/vgg-ss --json OUT.json --heatmaps OUT.safetensors
    python tests/peers/evaluate.py SET/vgg-ss OUT.json OUT.safetensors

Data set and profile are read from the JSON. Nothing is shared with the program but the two files and the annotations.
"""

import hashlib
import itertools
import json
import pathlib
import struct
import sys
import xml.etree.ElementTree as ElementTree

import numpy

SIDE = 224
# What f32 cannot tell apart after the enlargement and the stretch to 0..1.
UNDECIDED = 2e-7


def read_arrays(path):
    content = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    ids = json.loads(header.pop("__metadata__")["ids"])
    data = content[8 + length :]
    arrays = {}
    for name, about in header.items():
        start, end = about["data_offsets"]
        arrays[name] = numpy.frombuffer(data[start:end], "<f4").reshape(about["shape"])
    return ids, arrays


def read_boxes(root, data_set, identity):
    if data_set == "vgg-ss-lvs":
        entries = json.loads((root / "vggss.json").read_text())
        return next(entry["bbox"] for entry in entries if entry["file"] == identity)
    tree = ElementTree.parse(root / "anno" / f"{identity}.xml")
    return [[float(child.text) for child in list(box)[-4:]] for box in tree.iter("bbox")]


def truth(boxes, data_set, profile):
    """Certainty of every pixel."""
    annotators = data_set == "flickr-test"
    total = numpy.zeros((SIDE, SIDE))
    for box in boxes:
        corners = [int(SIDE * value / 256) if annotators else int(SIDE * value) for value in box]
        if profile == "default":
            corners = [min(max(corner, 0), SIDE) for corner in corners]
        left, top, right, bottom = corners
        one = numpy.zeros((SIDE, SIDE))
        one[top:bottom, left:right] = 1
        total += one
    return numpy.minimum(total / 2, 1) if annotators else (total > 0).astype(float)


def enlarge(maps):
    """Bilinear, corners not aligned, one axis after the other."""
    for axis in (-1, -2):
        cells = maps.shape[axis]
        place = numpy.maximum((numpy.arange(SIDE) + 0.5) * cells / SIDE - 0.5, 0)
        first = place.astype(int)
        second = numpy.minimum(first + 1, cells - 1)
        weight = place - first
        weight = weight if axis == -1 else weight[:, None]
        low, high = numpy.take(maps, first, axis), numpy.take(maps, second, axis)
        maps = low + (high - low) * weight
    return maps


def published_mask(enlarged):
    span = enlarged.max() - enlarged.min()
    stretched = (enlarged - enlarged.min()) / span if span > 0 else enlarged
    ordered = numpy.sort(stretched.ravel())
    return stretched > ordered[ordered.size // 2]


def ciou(mask, certainty):
    union = certainty.sum() + (mask & (certainty == 0)).sum()
    return float((mask * certainty).sum() / union) if union > 0 else 0.0


def tied_at_the_median(enlarged, certainty, score):
    """Whether a score comes of the pixels whose order about the median f32 rounding decides: at most four of them."""
    stretched = (enlarged - enlarged.min()) / (enlarged.max() - enlarged.min())
    distance = stretched - numpy.sort(stretched.ravel())[SIDE * SIDE // 2]
    undecided = numpy.argwhere(numpy.abs(distance) <= UNDECIDED)
    if len(undecided) > 4:
        return False
    for choice in itertools.product([False, True], repeat=len(undecided)):
        mask = distance > UNDECIDED
        mask[tuple(undecided.T)] = choice
        if abs(ciou(mask, certainty) - score) <= 1e-6:
            return True
    return False


def success_and_area(scores):
    scores = numpy.asarray(scores)
    shares = [(scores >= 0.05 * step).mean() for step in range(21)]
    return shares[10], sum((first + second) / 2 * 0.05 for first, second in zip(shares, shares[1:]))


def sorted_sweep(positives, negatives):
    """Right and accepted at each distinct similarity, from the greatest down."""
    for threshold in sorted(set(positives) | set(negatives), reverse=True):
        right = sum(value >= threshold for value in positives)
        yield right, right + sum(value >= threshold for value in negatives)


def detection(positives, negatives):
    average, recalled, greatest = 0.0, 0.0, 0.0
    for right, accepted in sorted_sweep(positives, negatives):
        precision, recall = right / accepted, right / len(positives)
        average += precision * (recall - recalled)
        recalled = recall
        greatest = max(greatest, 2 * right / (accepted + len(positives)))
    first, second = numpy.asarray(positives)[:, None], numpy.asarray(negatives)[None, :]
    roc = (first > second).mean() + (first == second).mean() / 2
    return average, greatest, roc


class Comparison:
    def __init__(self):
        self.failed = False
        print(f"{'quantity':44} {'NumPy':>14} {'lookhear':>14} {'difference':>11}")

    def row(self, name, ours, theirs, tolerance):
        difference = abs(ours - theirs)
        wrong = not difference <= tolerance
        self.failed |= wrong
        print(f"{name:44} {ours:14.9f} {theirs:14.9f} {difference:11.1e}{'  WRONG' if wrong else ''}")


def main(root, document, heatmaps):
    root = pathlib.Path(root)
    document = json.loads(pathlib.Path(document).read_text())
    ids, arrays = read_arrays(heatmaps)
    scores, data_set, profile = document["scores"], document["data_set"], document["profile"]
    print(f"{document['bundle']} on {data_set}, {profile} profile, {len(ids)} items, {len(document['skipped'])} skipped")
    compare = Comparison()

    certainties = [truth(read_boxes(root, data_set, identity), data_set, profile) for identity in ids]
    enlarged = [enlarge(single.astype(numpy.float64)) for single in arrays["heatmaps"]]
    own = numpy.array([ciou(published_mask(single), certainty) for single, certainty in zip(enlarged, certainties)])
    cases = {case["id"]: case for case in document["cases"]}
    assert list(cases) == ids, "the two files are not of one run"
    theirs = numpy.array([cases[identity]["ciou"] for identity in ids])
    apart = numpy.abs(own - theirs) > 1e-6
    ties = [index for index in numpy.flatnonzero(apart) if tied_at_the_median(enlarged[index], certainties[index], theirs[index])]
    apart[ties] = False
    print(f"{len(ids) - len(ties)} items compared, {len(ties)} with pixels about the median that f32 cannot order")
    compare.row("items whose cIoU differs by more than 1e-6", float(apart.sum()), 0.0, 0)
    success, area = success_and_area(own)
    compare.row("cIoU ≥ 0.5", success, scores["ciou"]["mean"], 0)
    compare.row("AUC", area, scores["auc"]["mean"], 1e-12)

    middle = (numpy.arange(SIDE) + 0.5 - SIDE / 2) ** 2
    distance = middle[:, None] + middle[None, :]
    disk = -distance > numpy.sort(-distance.ravel())[SIDE * SIDE // 2]
    whole = numpy.ones((SIDE, SIDE), bool)
    half = SIDE * SIDE // 2
    best = []
    for certainty in certainties:
        surest = numpy.sort(certainty.ravel())[::-1][:half]
        union = certainty.sum() + (surest == 0).sum()
        best.append(surest.sum() / union if certainty.sum() else 0.0)
    blind = {"centred_disk": [ciou(disk, c) for c in certainties], "whole_picture": [ciou(whole, c) for c in certainties], "ceiling": best}
    for name, values in blind.items():
        success, area = success_and_area(values)
        compare.row(f"{name}, cIoU ≥ 0.5", success, scores["baselines"][name]["success"], 0)
        compare.row(f"{name}, AUC", area, scores["baselines"][name]["area"], 1e-12)

    draws = numpy.random.default_rng(0).integers(0, len(ids), (4000, len(ids)))
    low, high = numpy.quantile((own >= 0.5)[draws].mean(1), [0.025, 0.975])
    compare.row("cIoU ≥ 0.5, lower end of 95 %", low, scores["ciou"]["low"], 1 / len(ids) + 0.1 * (high - low))
    compare.row("cIoU ≥ 0.5, upper end of 95 %", high, scores["ciou"]["high"], 1 / len(ids) + 0.1 * (high - low))

    kinds = [name for name in arrays if name.startswith("negatives.")]
    if kinds:
        rejection(compare, scores["rejection"], ids, arrays, kinds, enlarged, certainties)
    sys.exit(compare.failed)


def rejection(compare, scores, ids, arrays, kinds, enlarged, certainties):
    fits = numpy.array([hashlib.sha256(identity.encode()).digest()[0] % 2 == 0 for identity in ids])
    greatest = {kind: arrays[kind].reshape(len(ids), -1).max(1) for kind in kinds}
    fitting = numpy.concatenate([greatest[kind][fits] for kind in kinds]).astype(numpy.float64)
    threshold = numpy.nextafter(numpy.float32(numpy.quantile(fitting, 0.75)), numpy.float32(numpy.inf))
    compare.row("threshold", float(threshold), numpy.float32(scores["threshold"]["threshold"]).item(), 0)
    scored = numpy.flatnonzero(~fits)
    positives = arrays["heatmaps"].reshape(len(ids), -1).max(1)[scored]
    compare.row("accepted in view", (positives >= threshold).mean(), scores["accepted"]["mean"], 1e-12)
    localised = numpy.mean([ciou(enlarged[index] >= threshold, certainties[index]) >= 0.5 for index in scored])
    compare.row("cIoU ≥ 0.5 at the threshold", localised, scores["ciou_at_threshold"]["mean"], 1e-12)
    areas = {
        kind: [(enlarge(arrays[kind][index].astype(numpy.float64)) >= threshold).mean() for index in scored] for kind in kinds
    }
    lit = numpy.mean([areas[kind] for kind in kinds])
    compare.row("pIA", lit, scores["image_area"]["mean"], 1e-9)
    dark = 1 - lit
    f_loc = 2 * localised * dark / (localised + dark) if localised + dark > 0 else 0.0
    compare.row("F_LOC", f_loc, scores["f_loc"]["mean"], 1e-9)
    everything = [("", kinds, scores["in_view"])]
    everything += [
        (f"{kind}: ", [f"negatives.{kind}"], scores["by_kind"][kind]["in_view"]) for kind in scores["by_kind"]
    ]
    for prefix, chosen, found in everything:
        negatives = numpy.concatenate([greatest[kind][scored] for kind in chosen])
        names = ["average_precision", "greatest_f1", "roc_area"]
        for name, value in zip(names, detection(positives.tolist(), negatives.tolist())):
            compare.row(prefix + name, value, found[name]["mean"], 1e-12)
    for kind in scores["by_kind"]:
        of_kind = scores["by_kind"][kind]
        compare.row(f"{kind}: pIA", numpy.mean(areas[f"negatives.{kind}"]), of_kind["image_area"]["mean"], 1e-9)
        share = (greatest[f"negatives.{kind}"][scored] >= threshold).mean()
        compare.row(f"{kind}: accepted falsely", share, of_kind["accepted"]["mean"], 1e-12)


if __name__ == "__main__":
    main(*sys.argv[1:])
