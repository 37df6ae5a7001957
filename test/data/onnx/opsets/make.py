"""Makes the small networks beside this file, with values of PyTorch's autograd in double.

The same two networks are exported for operator sets 9 to 20, so that their graphs hold the forms that operators had
then. Needs torch (with its TorchScript exporter), onnx and onnxscript: python make.py
"""

import json
import pathlib
import warnings

import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
here = pathlib.Path(__file__).parent
opsets = [9, 11, 13, 16, 18, 20]


class Convolutional(nn.Module):
    """Down, up and across: the layers of a small UNet."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.GroupNorm(2, 4)
        self.down = nn.Conv2d(4, 4, 3, stride=2)
        self.batch = nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, 2, 3, padding=1)
        self.embed = nn.Linear(4, 8)

    def forward(self, x, t):
        angle = t[:, None] * torch.tensor([1.0, 0.3])
        scale, shift = self.embed(torch.cat([angle.sin(), angle.cos()], 1)).chunk(2, dim=1)
        h = F.silu(self.norm(self.first(x)))
        h = h * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        h = self.batch(self.down(F.pad(h, (0, 1, 0, 1), value=0.25)))
        h = F.interpolate(F.leaky_relu(h), scale_factor=2.0, mode="nearest")
        h = F.dropout(h + F.avg_pool2d(F.pad(h, (1, 1, 1, 1), mode="reflect"), 3, stride=1), 0.5, self.training)
        return self.last(h.clamp(-1.5, 1.5)) + x.mean((2, 3), keepdim=True)


class Attention(nn.Module):
    """One transformer block, written out."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.qkv = nn.Linear(6, 18)
        self.out = nn.Linear(6, 6)
        self.mlp = nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6))

    def forward(self, x, mask):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(batch, length, 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-1, -2) / 3**0.5 + mask[:, None, None, :]).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, length, width))
        gate = x.sum(1, keepdim=True).log_softmax(1) + x.softmax(1) + x.std(2, keepdim=True)
        first, rest = x.split([2, 4], dim=2)
        x = torch.cat([rest, first.abs().amax(2, keepdim=True) * first], 2) + gate
        return x + self.mlp(x) * x.norm(dim=2, keepdim=True)


@torch.jit.script
def choose(x):
    if x.size(2) > 2:
        y = x * 3
    else:
        y = x - 1
    return y[:, 0:1].squeeze(1)


class Branches(nn.Module):
    """A branch by size, and an axis of size one that is dropped: tracing with dynamic axes makes an If of both."""

    def forward(self, x):
        return choose(x).sin()


class Block(nn.Module):
    def __init__(self, width, slope):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.slope = nn.LeakyReLU(slope)

    def forward(self, x):
        return self.slope(self.linear(x)) + x


class Nested(nn.Module):
    """Every module becomes a local function; the two blocks differ in an attribute."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(3, 0.1), Block(3, 0.3))
        self.norm = nn.LayerNorm(3)

    def forward(self, x):
        return self.norm(self.blocks(x)) * self.blocks[0](x)


def values(tensor):
    return {"dtype": str(tensor.dtype).removeprefix("torch.").replace("64", "32") if tensor.is_floating_point() else "int64",
            "shape": list(tensor.shape), "data": [float(f"{v:.9g}") for v in tensor.flatten().tolist()]}


def randomise(model):
    with torch.no_grad():
        for parameter in [*model.parameters(), *model.buffers()]:
            if parameter.is_floating_point():
                parameter.copy_(0.5 * torch.randn_like(parameter) + (1.0 if parameter.dim() == 1 else 0.0))
                if parameter.dim() == 1:
                    parameter.abs_()
    return model.eval()


def reference(name, model, inputs):
    """inputs: of float32; what is computed from them is double."""
    wide = {key: value.double().requires_grad_() for key, value in inputs.items()}
    model = model.double()
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    y = model(*wide.values())
    cotangent = torch.randn(y.shape, dtype=torch.float32).double()
    gradients = torch.autograd.grad(y, list(wide.values()), cotangent)
    torch.set_default_dtype(default)
    model.float()
    case = {
        "inputs": {key: values(value) for key, value in wide.items()},
        "outputs": {"y": values(y)},
        "cotangents": {"y": values(cotangent)},
        "gradients": {key: values(value) for key, value in zip(wide, gradients)},
    }
    (here / f"{name}.json").write_text(json.dumps(case))


def export(name, model, inputs, opset, axes, **options):
    path = here / f"{name}_op{opset}.onnx"
    torch.onnx.export(model, tuple(inputs.values()), str(path), dynamo=False, opset_version=opset,
                      input_names=list(inputs), output_names=["y"], dynamic_axes=axes, **options)
    proto = onnx.load(path)
    proto.producer_version = ""
    for node in proto.graph.node:
        node.ClearField("doc_string")
        if proto.graph.output[0].name in node.output:  # with functions the exporter numbers the output
            node.output[list(node.output).index(proto.graph.output[0].name)] = "y"
    proto.graph.output[0].name = "y"
    onnx.save(proto, path)
    return proto


if __name__ == "__main__":
    torch.manual_seed(0)
    conv = randomise(Convolutional())
    conv_inputs = {"x": torch.randn(2, 2, 6, 6), "t": torch.tensor([0.3, 1.7])}
    reference("convolutional", conv, conv_inputs)
    attention = randomise(Attention())
    attention_inputs = {"x": torch.randn(2, 4, 6), "mask": torch.randn(2, 4)}
    reference("attention", attention, attention_inputs)
    for opset in opsets:
        a = export("convolutional", conv, conv_inputs, opset, {"x": {0: "batch"}, "t": {0: "batch"}, "y": {0: "batch"}})
        b = export("attention", attention, attention_inputs, opset, {"x": {0: "batch"}, "mask": {0: "batch"}, "y": {0: "batch"}})
        print(opset, sorted({node.op_type for node in a.graph.node}), sorted({node.op_type for node in b.graph.node}))
    branches_inputs = {"x": torch.randn(2, 2, 3)}
    reference("branches", Branches(), branches_inputs)
    for opset in [11, 17]:
        export("branches", Branches(), branches_inputs, opset, {"x": {0: "batch", 1: "rows"}})
    nested = randomise(Nested())
    nested_inputs = {"x": torch.randn(2, 3)}
    reference("functions", nested, nested_inputs)
    export("functions", nested, nested_inputs, 15, {"x": {0: "batch"}}, export_modules_as_functions=True)
