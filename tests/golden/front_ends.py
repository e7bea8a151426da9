"""Makes front_ends.safetensors: an independent restatement of the front ends in NumPy and Pillow.

    pip install numpy pillow safetensors && python front_ends.py
"""

import io

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

rng = np.random.default_rng(20)
MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])
SIDE = 56


# YAMNet's log-mel patches, in double precision -----------------------------------------------------------------------------------------------


def hertz_to_mel(hertz):
    return 1127.0 * np.log(1.0 + hertz / 700.0)


def yamnet_filterbank():
    """TensorFlow's linear_to_mel_weight_matrix(64, 257, 16000, 125, 7500)."""
    bins = hertz_to_mel(np.linspace(0.0, 8000.0, 257)[1:])[:, None]
    edges = np.linspace(hertz_to_mel(125.0), hertz_to_mel(7500.0), 66)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    return np.vstack([np.zeros((1, 64)), np.maximum(0.0, np.minimum(rising, falling))])


def log_mel_patches(wave):
    wave = np.pad(wave.astype(np.float64), (0, max(0, 15600 - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(wave, 400)[::160]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    log_mel = np.log(np.abs(np.fft.rfft(frames * window, 512)) @ yamnet_filterbank() + 0.001)
    last = len(log_mel) - 96
    starts = list(range(0, last + 1, 48)) + ([last] if last % 48 > 24 else [])
    return np.stack([log_mel[start : start + 96] for start in starts])


seconds = np.arange(20_450) / 16_000
wave = 0.4 * np.sin(2 * np.pi * (200 * seconds + 2500 * seconds**2)) * (1 + np.sin(2 * np.pi * 3 * seconds)) / 2
wave = (wave + 0.02 * rng.standard_normal(len(seconds))).astype(np.float32)
wave[9_000:10_000] = 0.0


# Pictures -------------------------------------------------------------------------------------------------------------------------------------


def scene(width, height):
    """Soft coloured waves with some noise, away from the limits of the gamut."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 9 + y / 23), np.sin(x / 31 - y / 7), np.cos(x / 13 + y / 11)]
    noise = rng.uniform(-15, 15, (height, width, 1))
    return np.clip(np.rint(128 + 60 * np.stack(waves, -1) + noise), 0, 255).astype(np.uint8)


def resize(rgb, size):
    """Pillow's antialiased bilinear filter on floats, so without its rounding to bytes between the passes."""
    planes = [Image.fromarray(rgb[..., c].astype(np.float32)).resize(size, Image.Resampling.BILINEAR) for c in range(3)]
    return np.stack([np.asarray(plane) for plane in planes])


def normalised(planes):
    return (planes / 255 - MEAN[:, None, None]) / DEVIATION[:, None, None]


def full_frame(rgb):
    return normalised(resize(rgb, (SIDE, SIDE)))


def centre_crop(rgb):
    height, width = rgb.shape[:2]
    shorter = min(width, height)
    size = (SIDE * width // shorter, SIDE * height // shorter)
    left, top = (int(round((length - SIDE) / 2.0)) for length in size)
    return normalised(resize(rgb, size)[:, top : top + SIDE, left : left + SIDE])


def limited_range(rgb):
    """Y, U, V (BT.601, limited range) as bytes."""
    r, g, b = (rgb[..., c].astype(np.float64) for c in range(3))
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    planes = 16 + luma * 219 / 255, 128 + (b - luma) / 1.772 * 224 / 255, 128 + (r - luma) / 1.402 * 224 / 255
    return [np.rint(plane).astype(np.uint8) for plane in planes]


def from_limited_range(luma, u, v):
    luma, u, v = (luma - 16.0) * 255 / 219, (u - 128.0) * 255 / 224, (v - 128.0) * 255 / 224
    green = luma - (0.114 * 1.772 * u + 0.299 * 1.402 * v) / 0.587
    return np.stack([luma + 1.402 * v, green, luma + 1.772 * u], -1)


wide, small = scene(160, 90), scene(30, 41)
luma, u, v = limited_range(wide)
yuyv = np.stack([luma[:, 0::2], u[:, ::2], luma[:, 1::2], v[:, ::2]], -1)
yuyv_rgb = from_limited_range(luma, u[:, ::2].repeat(2, 1), v[:, ::2].repeat(2, 1))
nv12 = np.concatenate([luma, np.stack([u[::2, ::2], v[::2, ::2]], -1).reshape(45, 160)])
nv12_rgb = from_limited_range(luma, *(plane[::2, ::2].repeat(2, 0).repeat(2, 1) for plane in (u, v)))


def jpeg(picture, **options):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92, **options)
    return np.frombuffer(file.getvalue(), np.uint8), np.asarray(Image.open(file).convert("RGB"))


tensors = {
    "log_mel.wave": wave,
    "log_mel.patches": log_mel_patches(wave),
    "log_mel.patches_of_first_5000": log_mel_patches(wave[:5000]),
    "picture.wide.rgb": wide,
    "picture.wide.full_frame": full_frame(wide),
    "picture.wide.centre_crop": centre_crop(wide),
    "picture.small.rgb": small,
    "picture.small.full_frame": full_frame(small),
    "picture.small.centre_crop": centre_crop(small),
    "picture.yuyv": yuyv,
    "picture.yuyv.full_frame": full_frame(yuyv_rgb),
    "picture.yuyv.centre_crop": centre_crop(yuyv_rgb),
    "picture.nv12": nv12,
    "picture.nv12.full_frame": full_frame(nv12_rgb),
    "picture.nv12.centre_crop": centre_crop(nv12_rgb),
}
photograph = Image.fromarray(wide)
for name, picture, options in [
    ("444", photograph, {"subsampling": 0}),
    ("422", photograph, {"subsampling": 1}),
    ("420", photograph, {"subsampling": 2}),
    ("grey", photograph.convert("L"), {}),
    ("progressive", photograph, {"progressive": True}),
]:
    tensors[f"jpeg.{name}"], tensors[f"jpeg.{name}.rgb"] = jpeg(picture, **options)
save_file(
    {name: np.ascontiguousarray(t if t.dtype == np.uint8 else t.astype(np.float32)) for name, t in tensors.items()},
    "front_ends.safetensors",
)
