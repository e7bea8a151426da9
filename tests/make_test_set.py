"""Makes a test set shaped like VGG-SS and one shaped like Flickr-SoundNet's, the same on every machine.

    pip install numpy pillow
    python tests/make_test_set.py FOLDER [ITEMS]

FOLDER/vgg-ss has frame/, audio/, anno/, vggss.json and classes.csv; FOLDER/flickr has frame/, mp3/ and anno/ (WAV under the
name that the layout asks for: readers tell by the content). Each picture shows a shape on a patterned ground, each sound is
the tone of its shape. Boxes come one to three a picture; some reach over the frame. In either set one picture and one sound
are damaged.
"""

import json
import pathlib
import sys
import wave
from xml.sax.saxutils import escape

import numpy
from PIL import Image, ImageDraw

RATE_HZ = 16_000
SECONDS = 3
SHAPES = ["ring", "disk", "square", "triangle", "diamond", "cross", "bars", "star"]
SIZES = [(320, 240), (240, 320), (256, 256), (400, 225), (180, 320)]


def ground(random, width, height):
    """A slow pattern of two colours with grain."""
    x, y = numpy.meshgrid(numpy.arange(width), numpy.arange(height))
    waves = numpy.sin(x / random.uniform(8, 40) + y / random.uniform(8, 40) + random.uniform(0, 6))
    first, second = random.uniform(20, 200, 3), random.uniform(20, 200, 3)
    mixed = first + (second - first) * (waves[..., None] + 1) / 2 + random.normal(0, 6, (height, width, 3))
    return Image.fromarray(mixed.clip(0, 255).astype(numpy.uint8))


def draw(canvas, shape, corners, colour):
    left, top, right, bottom = corners
    middle = ((left + right) / 2, (top + bottom) / 2)
    if shape == "ring":
        canvas.ellipse(corners, outline=colour, width=max(2, int((right - left) / 6)))
    elif shape == "disk":
        canvas.ellipse(corners, fill=colour)
    elif shape == "square":
        canvas.rectangle(corners, fill=colour)
    elif shape == "triangle":
        canvas.polygon([(middle[0], top), (right, bottom), (left, bottom)], fill=colour)
    elif shape == "diamond":
        canvas.polygon([(middle[0], top), (right, middle[1]), (middle[0], bottom), (left, middle[1])], fill=colour)
    elif shape == "cross":
        canvas.line([(left, top), (right, bottom)], fill=colour, width=9)
        canvas.line([(left, bottom), (right, top)], fill=colour, width=9)
    elif shape == "bars":
        for place in numpy.linspace(left, right, 5):
            canvas.line([(place, top), (place, bottom)], fill=colour, width=6)
    else:
        angles = numpy.arange(10) * numpy.pi / 5
        reach = numpy.where(numpy.arange(10) % 2 == 0, 1.0, 0.45)
        across, down = (right - left) / 2 * reach, (bottom - top) / 2 * reach
        points = zip(middle[0] + across * numpy.sin(angles), middle[1] - down * numpy.cos(angles))
        canvas.polygon(list(points), fill=colour)


def tone(random, kind):
    """Harmonics of a pitch of the kind, plucked again and again, with some hiss."""
    time = numpy.arange(RATE_HZ * SECONDS) / RATE_HZ
    pitch = 110 * 2 ** (kind * 5 / 12) * random.uniform(0.98, 1.02)
    sound = sum(numpy.sin(2 * numpy.pi * pitch * order * time) / order ** (1 + kind % 3) for order in range(1, 6))
    envelope = numpy.exp(-((time * random.uniform(1, 4)) % 1) * random.uniform(0.5, 4))
    sound = sound * envelope * random.uniform(0.05, 0.3) + random.normal(0, 0.002, time.size)
    return (sound.clip(-1, 1) * 32767).astype("<i2")


def write_sound(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())


def place_boxes(random, width, height):
    """One to three boxes in pixels, of which one in five reaches over an edge."""
    boxes = []
    for _ in range(random.integers(1, 4)):
        across, down = random.uniform(0.15, 0.7) * width, random.uniform(0.15, 0.7) * height
        over = 0.15 if random.random() < 0.2 else 0.0
        left = random.uniform(-over * width, width - across + over * width)
        top = random.uniform(-over * height, height - down + over * height)
        boxes.append((left, top, left + across, top + down))
    return boxes


def box_xml(corners, before=""):
    names = ["xmin", "ymin", "xmax", "ymax"]
    return "<bbox>" + before + "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, corners)) + "</bbox>"


def item(random, folder, sound_folder, suffix, identity, kind, number_of_boxes=None):
    width, height = SIZES[random.integers(len(SIZES))]
    boxes = place_boxes(random, width, height)[:number_of_boxes]
    picture = ground(random, width, height)
    for corners in boxes:
        draw(ImageDraw.Draw(picture), SHAPES[kind], corners, tuple(int(value) for value in random.integers(0, 256, 3)))
    picture.save(folder / "frame" / f"{identity}.jpg", quality=90)
    write_sound(folder / sound_folder / f"{identity}.{suffix}", tone(random, kind))
    return width, height, boxes


def vgg_ss(folder, items, random):
    for part in ["frame", "audio", "anno"]:
        (folder / part).mkdir(parents=True, exist_ok=True)
    entries, classes = [], ["file,class"]
    for index in range(items):
        identity, kind = f"vgg_{index:04}", int(random.integers(len(SHAPES)))
        width, height, boxes = item(random, folder, "audio", "wav", identity, kind)
        shares = [[round(value, 6) for value in (l / width, t / height, r / width, b / height)] for l, t, r, b in boxes]
        xml = "".join(box_xml(corners) for corners in shares)
        (folder / "anno" / f"{identity}.xml").write_text(f"<annotation><object>{xml}</object></annotation>\n")
        entries.append({"file": identity, "class": SHAPES[kind], "bbox": shares})
        classes.append(f"{identity},{SHAPES[kind]}")
    (folder / "vggss.json").write_text(json.dumps(entries))
    (folder / "classes.csv").write_text("\n".join(classes) + "\n")
    damage(folder, "vgg", "audio", "wav")


def flickr(folder, items, random):
    for part in ["frame", "mp3", "anno"]:
        (folder / part).mkdir(parents=True, exist_ok=True)
    for index in range(items):
        identity, kind = f"flickr_{index:04}", int(random.integers(len(SHAPES)))
        width, height, [corners] = item(random, folder, "mp3", "mp3", identity, kind, 1)
        left, top, right, bottom = (value * 256 for value in numpy.divide(corners, (width, height, width, height)))
        xml = ""
        for annotator in range(random.integers(1, 4)):
            drawn = [int(value + random.normal(0, 8)) for value in (left, top, right, bottom)]
            xml += box_xml(drawn, f"<annotator>{escape('person ' + str(annotator))}</annotator>")
        (folder / "anno" / f"{identity}.xml").write_text(f"<annotation><object>{xml}</object></annotation>\n")
    damage(folder, "flickr", "mp3", "mp3")


def damage(folder, prefix, sound_folder, suffix):
    picture = folder / "frame" / f"{prefix}_0003.jpg"
    picture.write_bytes(picture.read_bytes()[:40])
    (folder / sound_folder / f"{prefix}_0005.{suffix}").write_bytes(b"RIFF")


def main(folder, items="240"):
    folder = pathlib.Path(folder)
    vgg_ss(folder / "vgg-ss", int(items), numpy.random.default_rng(1))
    flickr(folder / "flickr", int(items), numpy.random.default_rng(2))


if __name__ == "__main__":
    main(*sys.argv[1:])
