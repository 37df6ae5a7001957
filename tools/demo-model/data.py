"""MNIST as 32x32 images in [-1, 1], read from the original idx files."""
import gzip
import os

import numpy as np


def _idx(path):
    if not os.path.exists(path) and os.path.exists(path[:-3]):
        path = path[:-3]
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as f:
        raw = f.read()
    if raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is not an idx file of bytes")
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4).astype(int)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder, split):
    """Returns images uint8 [n, 32, 32] (28x28 padded with black) and labels int64 [n]."""
    name = {"train": "train", "test": "t10k"}[split]
    images = labels = None
    for prefix in (name, split):
        path = os.path.join(folder, f"{prefix}-images-idx3-ubyte.gz")
        if os.path.exists(path) or os.path.exists(path[:-3]):
            images = _idx(path)
            labels = _idx(os.path.join(folder, f"{prefix}-labels-idx1-ubyte.gz"))
            break
    if images is None:
        raise FileNotFoundError(f"no {split} images in {folder}")
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return images, labels.astype(np.int64)


def to_float(images):
    """uint8 [n, 32, 32] to float32 [n, 1, 32, 32] in [-1, 1]."""
    return (images.astype(np.float32) / 127.5 - 1.0)[:, None]
