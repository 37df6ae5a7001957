"""Write reference values of the exported UNet: outputs and vector-Jacobian products by PyTorch autograd.

    python testdata.py --unet media/demo/unet.onnx --out test/data/demo-vjp.json

The weights come from the ONNX file. The arithmetic is float64, so the values are good to eight digits.
"""
import argparse
import json
import os

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import numpy_helper

from edm import Edm
from model import NO_CLASS, UNet


def from_onnx(path):
    """The PyTorch model in float64 with the weights of the ONNX file, matched by name."""
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    channels = [stored[f"unet.{n}.bias"].shape[0] for n in ("stem", "pool0", "pool1")]
    net = Edm(UNet(channels, emb=len(stored["unet.time1.bias"]), freqs=len(stored["unet.freqs"]),
               pixel=len(stored["unet.local.bias"])))
    net.load_state_dict({name: torch.from_numpy(stored[name].copy()).reshape(value.shape)
                         for name, value in net.state_dict().items()})
    return net.double().eval()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--unet", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    net = from_onnx(a.unet)
    rng = np.random.default_rng(a.seed)
    shape = (3, 1, 32, 32)

    def coarse(x):  # multiples of 1/64: exact in float32 and in short decimals
        return np.round(x * 64) / 64

    sample = coarse(rng.standard_normal(shape))
    sigma = np.array([0.0625, 1.5, 24.0])
    sample *= np.sqrt(1 + sigma.reshape(-1, 1, 1, 1) ** 2).round()
    labels = np.array([7, NO_CLASS, 2])
    cotangent = coarse(rng.standard_normal(shape))
    x = torch.tensor(sample, requires_grad=True)
    t = torch.tensor(sigma, requires_grad=True)
    y = net(x, t, torch.from_numpy(labels))
    gx, gt = torch.autograd.grad(y, (x, t), torch.tensor(cotangent))
    y = y.detach().numpy()

    session = ort.InferenceSession(a.unet, providers=["CPUExecutionProvider"])
    run = lambda s, u: session.run(None, dict(
        sample=s.astype(np.float32), sigma=u.astype(np.float32), class_labels=labels))[0]
    print(f"largest gap of onnxruntime to float64: {np.abs(run(sample, sigma) - y).max():.2e}")
    step = 0.001 * sigma  # a rough check of the derivative by time against onnxruntime
    rough = ((run(sample, sigma + step).astype(float) - run(sample, sigma - step))
             * cotangent).sum((1, 2, 3)) / (2 * step)
    print(f"d/dsigma by autograd {gt.numpy()}, by differences of onnxruntime {rough}")

    def entry(v, dtype="float32"):
        data = v.ravel().tolist()
        return dict(dtype=dtype, shape=list(v.shape),
                    data=data if dtype == "int64" else [float(f"{q:.8g}") for q in data])

    os.makedirs(os.path.dirname(a.out) or ".", exist_ok=True)
    with open(a.out, "w") as f:
        json.dump(dict(
            inputs=dict(sample=entry(sample), sigma=entry(sigma), class_labels=entry(labels, "int64")),
            outputs=dict(denoised=entry(y)), cotangents=dict(denoised=entry(cotangent)),
            gradients=dict(sample=entry(gx.numpy()), sigma=entry(gt.numpy()))), f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
