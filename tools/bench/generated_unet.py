"""The UNet that test/bench/unet.ts generates, as a PyTorch module with PyTorch's own fused functions."""
import math

import torch
import torch.nn.functional as F
from torch import nn

GROUPS, HEAD_DIM = 32, 64


class Residual(nn.Module):
    def __init__(self, from_channels, to_channels, embedding):
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, from_channels, 1e-5)
        self.conv1 = nn.Conv2d(from_channels, to_channels, 3, padding=1)
        self.time = nn.Linear(embedding, to_channels)
        self.norm2 = nn.GroupNorm(GROUPS, to_channels, 1e-5)
        self.conv2 = nn.Conv2d(to_channels, to_channels, 3, padding=1)
        self.skip = nn.Identity() if from_channels == to_channels else nn.Conv2d(from_channels, to_channels, 1)

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(e))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels, 1e-5)
        self.q, self.k, self.v, self.out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        b, c, h, w = x.shape
        tokens = self.norm(x.reshape(b, c, h * w)).transpose(1, 2)
        q, k, v = (layer(tokens).reshape(b, -1, c // HEAD_DIM, HEAD_DIM).transpose(1, 2)
                   for layer in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, -1, c)
        return self.out(mixed).transpose(1, 2).reshape(b, c, h, w) + x


class Stage(Residual):
    """A residual block, with attention behind it where the level has one."""

    def __init__(self, from_channels, to_channels, embedding, attention):
        super().__init__(from_channels, to_channels, embedding)
        if attention:
            self.attention = Attention(to_channels)

    def forward(self, x, e):
        x = super().forward(x, e)
        return self.attention(x) if hasattr(self, "attention") else x


class UNet(nn.Module):
    def __init__(self, width=64, multipliers=(1, 2, 3), blocks=2, attention_levels=(1,)):
        super().__init__()
        channels = [width * m for m in multipliers]
        embedding = 4 * width
        self.width, self.blocks = width, blocks
        self.time = nn.ModuleList([nn.Linear(width, embedding), nn.Linear(embedding, embedding)])
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        current, skips = width, [width]
        self.down = nn.ModuleList()
        for level, to in enumerate(channels):
            stages = nn.ModuleDict()
            for i in range(blocks):
                stages[str(i)] = Stage(current, to, embedding, level in attention_levels)
                current = to
                skips.append(to)
            if level + 1 < len(channels):
                stages["pool"] = nn.Conv2d(to, to, 3, stride=2, padding=1)
                skips.append(to)
            self.down.append(stages)
        self.middle = nn.ModuleDict({
            "0": Residual(current, current, embedding), "attention": Attention(current),
            "1": Residual(current, current, embedding)})
        ups = []
        for level in reversed(range(len(channels))):
            to, stages = channels[level], nn.ModuleDict()
            for i in range(blocks + 1):
                stages[str(i)] = Stage(current + skips.pop(), to, embedding, level in attention_levels)
                current = to
            if level > 0:
                stages["grow"] = nn.Conv2d(to, to, 3, padding=1)
            ups.insert(0, stages)
        self.up = nn.ModuleList(ups)
        self.norm = nn.GroupNorm(GROUPS, current, 1e-5)
        self.head = nn.Conv2d(current, 3, 3, padding=1)

    def forward(self, sample, timestep):
        half = self.width // 2
        frequencies = torch.exp(torch.arange(half) * (-math.log(10000) / half))
        angle = timestep[:, None] * frequencies
        e = self.time[1](F.silu(self.time[0](torch.cat([torch.sin(angle), torch.cos(angle)], -1))))
        x = self.stem(sample)
        skips = [x]
        for stages in self.down:
            for name, stage in stages.items():
                x = stage(x) if name == "pool" else stage(x, e)
                skips.append(x)
        x = self.middle["1"](self.middle["attention"](self.middle["0"](x, e)), e)
        for stages in reversed(self.up):
            for i in range(self.blocks + 1):
                x = stages[str(i)](torch.cat([x, skips.pop()], 1), e)
            if "grow" in stages:
                x = stages["grow"](F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.head(F.silu(self.norm(x)))
