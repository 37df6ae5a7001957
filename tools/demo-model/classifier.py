"""Train the small digit classifier and export it, with its feature statistics over the test set.

    python classifier.py --data mnist/ --out media/demo --minutes 3
"""
import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import data


class Classifier(nn.Module):
    """Conv + batch norm (folded at export) + ReLU, then 64 features and 10 logits."""

    def __init__(self, c=(16, 32, 56), features=64):
        super().__init__()
        self.config = dict(c=list(c), features=features)

        def block(i, o, stride):
            return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())

        self.body = nn.Sequential(
            block(1, c[0], 2), block(c[0], c[1], 1), block(c[1], c[1], 2), block(c[1], c[2], 2))
        self.features = nn.Linear(c[2] * 16, features, bias=False)
        self.norm = nn.BatchNorm1d(features)
        self.drop = nn.Dropout(0.2)
        self.logits = nn.Linear(features, 10)

    def forward(self, image):
        x = F.relu(self.norm(self.features(self.drop(self.body(image).reshape(-1, self.config["c"][2] * 16)))))
        return self.logits(x), x


def augment(x, g):
    """Small random shifts, turns and scales."""
    b = len(x)
    r = lambda s: (torch.rand(b, generator=g) * 2 - 1) * s
    angle, scale, shear = r(0.17), 1 + r(0.1), r(0.1)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    theta = torch.stack([torch.stack([cos, -sin + shear, r(0.125)], 1),
                         torch.stack([sin, cos, r(0.125)], 1)], 1)
    grid = F.affine_grid(theta, x.shape, align_corners=False)
    return F.grid_sample(x + 1, grid, align_corners=False) - 1


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        hits = sum((net(x[i:i + 500])[0].argmax(1) == y[i:i + 500]).sum().item()
                   for i in range(0, len(x), 500))
    net.train()
    return hits / len(x)


def fold_batch_norm(graph):
    """MatMul followed by BatchNormalization becomes Gemm; Constant nodes become initializers."""
    from onnx import helper, numpy_helper
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "Constant":
            tensor = node.attribute[0].t
            tensor.name = node.output[0]
            graph.initializer.append(tensor)
        elif node.op_type == "BatchNormalization":
            product = nodes.pop()
            assert product.op_type == "MatMul" and product.output[0] == node.input[0]
            scale, bias, mean, var = (values[n].astype(np.float64) for n in node.input[1:5])
            scale = scale / np.sqrt(var + node.attribute[0].f)
            weight = numpy_helper.from_array((values[product.input[1]] * scale).astype(np.float32),
                                             "features.weight")
            offset = numpy_helper.from_array((bias - mean * scale).astype(np.float32), "features.bias")
            graph.initializer.extend([weight, offset])
            nodes.append(helper.make_node("Gemm", [product.input[0], "features.weight", "features.bias"],
                                          list(node.output), name="features"))
        else:
            nodes.append(node)
    used = {n for node in nodes for n in node.input}
    keep = [t for t in graph.initializer if t.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(keep)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True, help="folder for classifier.onnx and features.json")
    p.add_argument("--minutes", type=float, default=3)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(a.seed)
    images, labels = data.load(a.data, "train")
    x, y = torch.from_numpy(data.to_float(images)), torch.from_numpy(labels)
    images, labels = data.load(a.data, "test")
    tx, ty = torch.from_numpy(data.to_float(images)), torch.from_numpy(labels)

    net = Classifier()
    opt = torch.optim.AdamW(net.parameters(), a.lr, weight_decay=1e-2)
    start, seen, shown = time.time(), 0, 0
    order, at = torch.randperm(len(x), generator=g), 0
    while True:
        progress = (time.time() - start) / (60 * a.minutes)
        if progress >= 1:
            break
        for group in opt.param_groups:
            group["lr"] = a.lr * min(1, (seen + 1) / 20000) * (1 - progress)
        if at + a.batch > len(x):
            order, at = torch.randperm(len(x), generator=g), 0
        pick = order[at:at + a.batch]
        at += a.batch
        loss = F.cross_entropy(net(augment(x[pick], g))[0], y[pick], label_smoothing=0.05)
        opt.zero_grad()
        loss.backward()
        opt.step()
        seen += a.batch
        if seen - shown >= 120000:
            shown = seen
            print(f"{seen} images, {time.time() - start:.0f} s, loss {loss.item():.4f}, "
                  f"test accuracy {accuracy(net, tx, ty):.4f}", flush=True)
    print(f"{seen} images, test accuracy {accuracy(net, tx, ty):.4f}, "
          f"{sum(q.numel() for q in net.parameters())} parameters")

    net.eval()
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, "classifier.onnx")
    torch.onnx.export(net, (tx[:2],), path, opset_version=17, dynamo=False, input_names=["image"],
                      output_names=["logits", "features"],
                      dynamic_axes={k: {0: "batch"} for k in ("image", "logits", "features")})
    import onnx
    model = onnx.load(path)
    fold_batch_norm(model.graph)
    onnx.save(model, path)
    onnx.checker.check_model(model, full_check=True)
    import onnxruntime as ort
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    outs = [session.run(None, {"image": tx[i:i + 500].numpy()}) for i in range(0, len(tx), 500)]
    logits, features = (np.concatenate(v) for v in zip(*outs))
    acc = float((logits.argmax(1) == ty.numpy()).mean())
    with torch.no_grad():
        gap = float(np.abs(net(tx[:7])[1].numpy() - session.run(None, {"image": tx[:7].numpy()})[1]).max())
    features = features.astype(np.float64)
    short = lambda v: [float(f"{q:.8g}") for q in v.ravel()]
    with open(os.path.join(a.out, "features.json"), "w") as f:
        json.dump(dict(model="classifier.onnx", output="features", count=len(features),
                       mean=short(features.mean(0)), cov=short(np.cov(features, rowvar=False))),
                  f, separators=(",", ":"))
    print(f"ONNX test accuracy {acc:.4f}, largest gap to torch {gap:.2e}, {os.path.getsize(path)} bytes, "
          f"operators {sorted({n.op_type for n in model.graph.node})}")


if __name__ == "__main__":
    main()
