"""Export the averaged weights of a checkpoint to ONNX, and compare with PyTorch.

    python export.py --checkpoint run/unet.pt --out media/demo/unet.onnx
"""
import argparse
import collections
import os
import time

import numpy as np
import onnx
import onnxruntime as ort
import torch

from edm import SIGMA_MAX, SIGMA_MIN, Edm
from model import NO_CLASS, UNet, macs, parameters, set_export


def load(path):
    saved = torch.load(path, map_location="cpu", weights_only=False)
    net = UNet(**saved["config"])
    net.load_state_dict(saved["ema"])
    return net.eval().requires_grad_(False), saved


def constants_to_initializers(graph):
    """Constant nodes become initializers, equal ones are shared."""
    seen, rename, nodes = {}, {}, []
    for node in graph.node:
        if node.op_type != "Constant":
            nodes.append(node)
            continue
        tensor = node.attribute[0].t
        tensor.ClearField("name")
        key = tensor.SerializeToString()
        if key not in seen:
            seen[key] = f"constant_{len(seen)}"
            tensor.name = seen[key]
            graph.initializer.append(tensor)
        rename[node.output[0]] = seen[key]
    for node in nodes:
        for i, name in enumerate(node.input):
            node.input[i] = rename.get(name, name)
    del graph.node[:]
    graph.node.extend(nodes)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    net, saved = load(a.checkpoint)
    denoiser = Edm(net)
    args = (torch.randn(2, 1, 32, 32), torch.tensor([0.5, 40.0]), torch.tensor([3, NO_CLASS]))
    names = ["sample", "sigma", "class_labels"]
    part = a.out + ".part"
    torch.onnx.export(set_export(denoiser, True), args, part, opset_version=17, dynamo=False,
                      do_constant_folding=True, input_names=names, output_names=["denoised"],
                      dynamic_axes={k: {0: "batch"} for k in [*names, "denoised"]})
    model = onnx.load(part)
    onnx.checker.check_model(model, full_check=True)
    out = model.graph.output[0].type.tensor_type.shape  # the exporter may leave these unnamed
    for d, size in zip(out.dim[1:], (1, 32, 32)):
        d.dim_value = size
    constants_to_initializers(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, part)
    set_export(denoiser, False)

    options = ort.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = ort.InferenceSession(part, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)

    def feed(n):
        sigma = np.exp(rng.uniform(np.log(SIGMA_MIN), np.log(SIGMA_MAX), n)).astype(np.float32)
        noise = rng.standard_normal((n, 1, 32, 32)).astype(np.float32)
        return dict(sample=sigma.reshape(-1, 1, 1, 1) * noise, sigma=sigma,
                    class_labels=rng.integers(0, 11, n))

    for n in (1, 7, 64):
        x = feed(n)
        y = session.run(None, x)[0]
        z = denoiser(*(torch.from_numpy(v) for v in x.values())).numpy()
        assert y.shape == (n, 1, 32, 32)
        gap = np.abs(y - z).max()
        print(f"batch {n}: largest gap to PyTorch {gap:.2e}")
        assert gap < 2e-5, gap
    x = feed(64)
    best = min(_time(lambda: session.run(None, x)) for _ in range(15))
    os.replace(part, a.out)
    print(f"{parameters(net)} parameters, {macs(net) / 1e6:.1f} MMACs, {os.path.getsize(a.out)} bytes, "
          f"{saved['seen']} images seen, step {saved['step']}, final {saved['final']}")
    print(f"onnxruntime, batch 64, {a.threads} threads: {best / 64 * 1e3:.2f} ms a sample")
    print("operators:", dict(collections.Counter(n.op_type for n in model.graph.node).most_common()))


def _time(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
