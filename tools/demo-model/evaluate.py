"""Sample digits from the exported ONNX file and measure them with the exported classifier.

    python evaluate.py --demo media/demo --guidance 2 --grid media/demo/samples.png

The sampler is DPM-Solver++ 2M (data prediction, noise levels equally spaced in log), or DDIM with --ddim.
"""
import argparse
import json
import os
import struct
import zlib

import numpy as np
import onnxruntime as ort

from edm import SIGMA_MAX, SIGMA_MIN


def write_png(path, grey):
    h, w = grey.shape
    chunk = lambda kind, body: (struct.pack(">I", len(body)) + kind + body
                                + struct.pack(">I", zlib.crc32(kind + body)))
    rows = b"".join(b"\0" + r.tobytes() for r in grey)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def sample(session, labels, seed, steps, guidance, ddim=False, batch=50):
    """Returns images float32 [n, 1, 32, 32]; `steps` evaluations from SIGMA_MAX to SIGMA_MIN, the last gives the image."""
    rng = np.random.default_rng(seed)
    noise = SIGMA_MAX * rng.standard_normal((len(labels), 1, 32, 32))
    sigma = np.geomspace(SIGMA_MAX, SIGMA_MIN, steps)
    lam = -np.log(sigma)
    done = []
    for i in range(0, len(labels), batch):
        x, c = noise[i:i + batch], labels[i:i + batch]
        n, before = len(c), None
        for k, s in enumerate(sigma):
            if guidance == 1:
                x0 = session.run(None, dict(sample=x.astype(np.float32), class_labels=c,
                                            sigma=np.full(n, s, np.float32)))[0]
            else:
                x0 = session.run(None, dict(sample=np.concatenate([x, x]).astype(np.float32),
                                            class_labels=np.concatenate([np.full(n, 10), c]),
                                            sigma=np.full(2 * n, s, np.float32)))[0]
                x0 = x0[:n] + guidance * (x0[n:] - x0[:n])
            if k + 1 == len(sigma):
                x = x0
                break
            h = lam[k + 1] - lam[k]
            d = x0
            if before is not None and not ddim:
                r = (lam[k] - lam[k - 1]) / h
                d = x0 + (x0 - before) / (2 * r)
            x = sigma[k + 1] / sigma[k] * x - np.expm1(-h) * d
            before = x0
        done.append(x)
    return np.concatenate(done).astype(np.float32)


def frechet(features, stats):
    mean, cov = np.array(stats["mean"]), np.array(stats["cov"]).reshape(len(stats["mean"]), -1)
    m, c = features.mean(0), np.cov(features, rowvar=False)
    w, u = np.linalg.eigh(cov)
    root = (u * np.sqrt(np.maximum(w, 0))) @ u.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c @ root), 0)).sum()
    return float(((m - mean) ** 2).sum() + np.trace(c) + np.trace(cov) - 2 * cross)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--demo", required=True, help="folder with unet.onnx, classifier.onnx, features.json")
    p.add_argument("--per-class", type=int, default=100)
    p.add_argument("--steps", type=int, default=40)
    p.add_argument("--guidance", type=float, default=2.0)
    p.add_argument("--ddim", action="store_true")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--grid", help="PNG to write: ten of each class")
    a = p.parse_args()
    options = ort.SessionOptions()
    options.intra_op_num_threads = a.threads
    load = lambda f: ort.InferenceSession(os.path.join(a.demo, f), options, providers=["CPUExecutionProvider"])
    labels = np.tile(np.arange(10), a.per_class).astype(np.int64)  # 0..9 again and again
    images = sample(load("unet.onnx"), labels, a.seed, a.steps, a.guidance, a.ddim)
    stats = json.load(open(os.path.join(a.demo, "features.json")))
    classifier = load(stats["model"])
    outs = [classifier.run(None, {"image": images[i:i + 500].clip(-1, 1)}) for i in range(0, len(images), 500)]
    logits, features = (np.concatenate(v).astype(np.float64) for v in zip(*outs))
    right = logits.argmax(1) == labels
    border = images.copy()
    border[:, :, 4:28, 4:28] = -1  # every pixel of the outer four rows and columns should be black
    print(f"{'DDIM' if a.ddim else 'DPM-Solver++ 2M'}, {a.steps} steps, guidance {a.guidance}: "
          f"{100 * right.mean():.1f} % right, Frechet distance {frechet(features, stats):.3f} "
          f"({len(images)} images), by class {[int(right[labels == k].sum()) for k in range(10)]}, "
          f"mean border level {(border.mean() + 1) / 2 * 255:.3f} of 255")
    if a.grid:
        tiles = np.round((images[:100, 0].clip(-1, 1) + 1) * 127.5).astype(np.uint8)
        tiles = tiles.reshape(10, 10, 32, 32)  # row: sample, column: class
        write_png(a.grid, tiles.transpose(1, 2, 0, 3).reshape(320, 320))


if __name__ == "__main__":
    main()
