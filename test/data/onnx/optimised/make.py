"""A small conditional UNet as ONNX Runtime's transformer optimiser rewrites it for GPUs, and PyTorch's gradient of it.

Needs torch, diffusers, onnx and onnxruntime. Writes unet_packed.onnx (MultiHeadAttention with packed projections),
unet_attention.onnx (Attention and MultiHeadAttention without packing) and unet.json beside this file.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

folder = Path(__file__).parent


class IntMeta(type):
    def __instancecheck__(cls, value):
        return isinstance(value, int)


class Int(metaclass=IntMeta):
    """The optimiser calls int() on arrays of one element, which NumPy 2.4 refuses."""

    def __new__(cls, value):
        return int(np.asarray(value).reshape(-1)[0])


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=2,
            out_channels=2,
            block_out_channels=(8, 8),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            mid_block_type=None,
            cross_attention_dim=6,
            attention_head_dim=2,
            norm_num_groups=4,
        )

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


def tensor(values):
    return {"dtype": "float32", "shape": list(values.shape), "data": [float(f"{v:.8g}") for v in values.flatten().tolist()]}


torch.manual_seed(3)
net = Net().eval()
sample = torch.randn(2, 2, 8, 8, requires_grad=True)
timestep = torch.tensor([420.0, 37.0], requires_grad=True)
text = torch.randn(2, 5, 6, requires_grad=True)
double = Net().double().eval()
double.load_state_dict(net.state_dict())
inputs = {"sample": sample, "timestep": timestep, "encoder_hidden_states": text}
wide = {name: value.detach().double().requires_grad_() for name, value in inputs.items()}
y = double(*wide.values())
cotangent = torch.randn(y.shape).double()
y.backward(cotangent)
reference = {
    "inputs": {name: tensor(value) for name, value in inputs.items()},
    "output": tensor(y),
    "cotangent": tensor(cotangent),
    "gradients": {name: tensor(value.grad) for name, value in wide.items()},
}
(folder / "unet.json").write_text(json.dumps(reference, separators=(",", ":")))

plain = folder / "unet.onnx"
torch.onnx.export(
    net,
    tuple(inputs.values()),
    plain,
    input_names=list(inputs),
    output_names=["out_sample"],
    dynamic_axes={name: {0: "batch"} for name in [*inputs, "out_sample"]},
    opset_version=17,
    dynamo=False,
)
for name, module in list(sys.modules.items()):
    if name.endswith("fusion_attention_unet"):
        module.int = Int
for variant, packed in [("packed", True), ("attention", False)]:
    options = FusionOptions("unet")
    options.enable_nhwc_conv = True
    options.enable_packed_qkv = options.enable_packed_kv = packed
    model = optimize_model(
        str(plain), model_type="unet", num_heads=0, hidden_size=0, opt_level=0, optimization_options=options, use_gpu=True
    )
    model.save_model_to_file(str(folder / f"unet_{variant}.onnx"))
    print(variant, sorted({f"{n.domain}.{n.op_type}" for n in model.model.graph.node if n.domain}))
plain.unlink()
