"""Times PyTorch on the bench's networks: the other side of `npm run bench -- gradient --torch PYTHON`.

Reads one JSON request a line and answers each with one line, so that the bench can take turns with it:

    {"open": name, "path": ONNX file, "threads": n, "inputs": [array...], "cotangent": array}
        -> {"output": array, "gradients": [array...]}        one forward and backward pass, for comparison
    {"time": "forward"}  -> {"ms": t}                        without a graph of derivatives
    {"time": "backward"} -> {"ms": t}                        forward, then backward to every float input

An array is {"type": "float32" or "int64", "dims": [...], "data": base64 of the little-endian elements}. Inputs are in
the order of the ONNX file's. Weights have requires_grad False.
"""
import base64
import json
import sys
import time

import numpy as np
import torch

import networks


def decode(array):
    data = np.frombuffer(base64.b64decode(array["data"]), array["type"]).reshape(array["dims"])
    return torch.from_numpy(data.copy())


def encode(tensor):
    array = tensor.detach().numpy().astype("<f4")
    return {"type": "float32", "dims": list(array.shape), "data": base64.b64encode(array.tobytes()).decode()}


class Bench:
    def __init__(self, request):
        torch.set_num_threads(request["threads"])
        self.network = networks.load(request["open"], request["path"])
        self.inputs = [decode(array) for array in request["inputs"]]
        self.active = [x for x in self.inputs if x.is_floating_point()]
        self.cotangent = decode(request["cotangent"])

    def forward(self):
        with torch.inference_mode():
            return self.network(*self.inputs)

    def backward(self):
        for x in self.active:
            x.requires_grad_(True)
        output = self.network(*self.inputs)
        gradients = torch.autograd.grad(output, self.active, self.cotangent)
        for x in self.active:
            x.requires_grad_(False)
        return output, gradients


def main():
    replies, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    bench = None
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            bench = Bench(request)
            output, gradients = bench.backward()
            bench.forward()
            reply = {"output": encode(output), "gradients": [encode(g) for g in gradients]}
        else:
            run = bench.forward if request["time"] == "forward" else bench.backward
            start = time.perf_counter()
            run()
            reply = {"ms": 1000 * (time.perf_counter() - start)}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
