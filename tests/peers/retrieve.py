"""Computes the scores of `lookhear-train retrieve` once more from the embeddings it saved, and compares every number.

    pip install numpy
    lookhear-train retrieve BUNDLE --corpus DIR --save-gallery gallery.safetensors --json scores.json
    python tests/peers/retrieve.py gallery.safetensors scores.json

Cosines are computed in double precision; two candidates nearer to each other than single precision can tell may change places.
The ends of the intervals are drawn at random and are only checked to enclose the mean.
"""

import collections
import json
import math
import struct
import sys

import numpy

DEPTHS = (1, 5, 10)
DIRECTIONS = {
    "sound_to_sound": ("sounds", "sounds"),
    "sound_to_picture": ("sounds", "pictures"),
    "picture_to_sound": ("pictures", "sounds"),
}


def read_gallery(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    galleries = {}
    for name in ("sounds", "pictures"):
        begin, end = header[name]["data_offsets"]
        values = numpy.frombuffer(data[begin:end], "<f4").reshape(header[name]["shape"]).astype(numpy.float64)
        galleries[name] = (values, json.loads(header["__metadata__"][name]))
    return galleries


def chance_of_any(relevant, candidates, depth):
    depth = min(depth, candidates)
    return 1 - math.comb(candidates - relevant, depth) / math.comb(candidates, depth)


def answers(queries, gallery, novel_only):
    """One row for each query: class, group, and for each depth accuracy, its chance, precision, its chance."""
    (query_values, query_entries), (values, entries) = queries, gallery
    classes = numpy.array([entry["class"] or "" for entry in entries], dtype=object)
    groups = numpy.array([entry["group"] for entry in entries], dtype=object)
    rows, alone = [], 0
    for embedding, entry in zip(query_values, query_entries):
        if entry["class"] is None or (novel_only and not entry["novel"]):
            continue
        candidates = numpy.flatnonzero((groups != entry["group"]) & (classes != ""))
        right = classes[candidates] == entry["class"]
        relevant = int(right.sum())
        if relevant == 0:
            alone += 1
            continue
        cosines = numpy.sum(values[candidates] * embedding, axis=1)
        ranked = right[numpy.argsort(-cosines, kind="stable")]
        numbers = {}
        for depth in DEPTHS:
            hits = int(ranked[:depth].sum())
            numbers[depth] = (
                float(hits > 0),
                chance_of_any(relevant, len(candidates), depth),
                hits / depth,
                min(depth, len(candidates)) * relevant / len(candidates) / depth,
            )
        rows.append((entry["class"], entry["group"], relevant, numbers))
    return rows, alone


def main(gallery_path, scores_path):
    galleries = read_gallery(gallery_path)
    with open(scores_path, encoding="utf-8") as file:
        document = json.load(file)
    compared, greatest, wrong = 0, 0.0, []

    def compare(what, theirs, ours):
        nonlocal compared, greatest
        compared += 1
        greatest = max(greatest, abs(theirs - ours))
        if not math.isclose(theirs, ours, rel_tol=1e-12, abs_tol=1e-12):
            wrong.append(f"{what}: {theirs} here, {ours} there")

    for direction, (query_name, gallery_name) in DIRECTIONS.items():
        rows, alone = answers(galleries[query_name], galleries[gallery_name], document["novel_only"])
        scores = document["directions"][direction]
        by_class = collections.defaultdict(list)
        for row in rows:
            by_class[row[0]].append(row)
        compare(f"{direction} queries", len(rows), scores["queries"])
        compare(f"{direction} groups", len({row[1] for row in rows}), scores["groups"])
        compare(f"{direction} alone", alone, scores["alone"])
        if set(by_class) != set(scores["by_class"]):
            wrong.append(f"{direction}: other classes")
            continue
        columns = ("accuracy", "accuracy_chance", "precision", "precision_chance")
        for name, members in by_class.items():
            compare(f"{direction} {name}", len(members), scores["by_class"][name]["queries"])
            compare(f"{direction} {name}", numpy.mean([row[2] for row in members]), scores["by_class"][name]["relevant"])
        for depth in DEPTHS:
            means = {
                name: numpy.mean([row[3][depth] for row in members], axis=0) for name, members in by_class.items()
            }
            for name, mean in means.items():
                for column, value in zip(columns, mean):
                    found = scores["by_class"][name]["at"][str(depth)][column]
                    compare(f"{direction} {name} {column}@{depth}", value, found)
            if not rows:
                continue
            over_queries = numpy.mean([row[3][depth] for row in rows], axis=0)
            over_classes = numpy.mean(list(means.values()), axis=0)
            for index, name in ((0, "accuracy"), (2, "precision")):
                found = scores["at"][str(depth)][name]
                what = f"{direction} {name}@{depth}"
                compare(what, over_queries[index], found["all"]["mean"])
                compare(f"{what} chance", over_queries[index + 1], found["chance"])
                compare(f"{what} by class", over_classes[index], found["class_mean"])
                compare(f"{what} by class, chance", over_classes[index + 1], found["class_mean_chance"])
                if not found["all"]["low"] <= found["all"]["mean"] <= found["all"]["high"]:
                    wrong.append(f"{what}: the interval does not enclose the mean")
                print(f"{what:30} {100 * over_queries[index]:6.2f} chance {100 * over_queries[index + 1]:6.2f}")
    for line in wrong:
        print("DIFFERENT", line)
    print(f"{compared} numbers compared, {len(wrong)} differ, greatest difference {greatest:.1e}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
