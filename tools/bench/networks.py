"""The bench's networks as the PyTorch modules that they were exported from, with the weights of the ONNX files.

PyTorch runs its own fused functions this way (group_norm, silu, scaled_dot_product_attention, gelu, layer_norm), not
what the exporter has written out.
"""
import pathlib
import sys

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

import generated_unet

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load(name, path):
    """The network in evaluation mode, its weights from the ONNX file and without gradients."""
    network = BUILD[name]()
    weights = exported_weights(path)
    with torch.no_grad():
        module = network.model if isinstance(network, First) else network
        for key, parameter in module.named_parameters():
            array = weights.get(key)
            if array is None:
                raise SystemExit(f"{path}: no weight for {key}")
            parameter.copy_(torch.from_numpy(array).reshape(parameter.shape))
    return network.eval().requires_grad_(False)


def exported_weights(path):
    """Initialisers by their names in the PyTorch module.

    The tracing exporter renames a weight that it has folded (a transposed matrix, the reshaped scale of a group norm);
    the node that uses it still carries the module's name: /m/down_blocks.0/resnets.0/norm1/Mul.
    """
    graph = onnx.load(path).graph
    arrays = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = {}
    for node in graph.node:
        module = node.name.rsplit("/", 1)[0].strip("/").replace("/", ".")
        for value in node.input:
            if value not in arrays:
                continue
            array, key = arrays[value], value
            if value.startswith("onnx::"):
                key = f"{module}.{'bias' if node.op_type == 'Add' else 'weight'}"
            if key.endswith(".weight_t"):
                key = key.removesuffix("_t")
            if node.op_type == "MatMul":
                array = array.T
            found[key.removeprefix("m.")] = np.array(array)
    return found


class First(nn.Module):
    """A diffusers model as a function of tensors, without its output class."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        return self.model(*inputs, return_dict=False)[0]


def demo():
    sys.path.append(str(ROOT / "tools/demo-model"))
    from edm import Edm
    from model import UNet
    return Edm(UNet())


def ddpm_unet2d():
    from diffusers import UNet2DModel
    return First(UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, block_out_channels=(16, 24), layers_per_block=1,
        norm_num_groups=4, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8))


def cond_unet2d():
    from diffusers import UNet2DConditionModel
    return First(UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(12, 20), layers_per_block=1,
        norm_num_groups=4, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")))


def dit_tiny():
    from diffusers import DiTTransformer2DModel
    return First(DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=8, num_layers=2, sample_size=8,
        patch_size=2, num_embeds_ada_norm=10, norm_num_groups=4))


BUILD = {
    "demo": demo,
    "ddpm_unet2d": ddpm_unet2d,
    "cond_unet2d": cond_unet2d,
    "cond_unet2d_16": cond_unet2d,
    "dit_tiny": dit_tiny,
    "unet10m": generated_unet.UNet,
}
