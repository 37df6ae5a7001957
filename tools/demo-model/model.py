"""A small class-conditional UNet for 32x32 one-channel images.

All shapes except the batch are fixed, so that the exported ONNX graph has no shape arithmetic.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

IMAGE = 32
NO_CLASS = 10


class Norm(nn.Module):
    """GroupNorm. In export mode it is written as InstanceNormalization between two fixed reshapes."""

    def __init__(self, channels, size, groups=8, affine=True):
        super().__init__()
        self.channels, self.size, self.groups = channels, size, groups
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.export = False

    def set_export(self, flag):
        self.export = flag
        for p in self.parameters():
            p.data = p.data.reshape(-1, 1, 1) if flag else p.data.reshape(-1)

    def forward(self, x):
        if not self.export:
            return F.group_norm(x, self.groups, self.weight, self.bias, 1e-5)
        c, s, g = self.channels, self.size, self.groups
        x = F.instance_norm(x.reshape(-1, g, c // g * s * s), weight=torch.ones(g), bias=torch.zeros(g),
                            eps=1e-5).reshape(-1, c, s, s)
        return x if self.weight is None else x * self.weight + self.bias


class Block(nn.Module):
    """Residual block: norm, SiLU, conv, norm with scale and shift from the embedding, SiLU, conv."""

    def __init__(self, cin, cout, size, emb):
        super().__init__()
        self.cout = cout
        self.norm1 = Norm(cin, size)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.norm2 = Norm(cout, size, affine=False)
        self.emb = nn.Linear(emb, 2 * cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)
        self.skip = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = torch.split(self.emb(e).reshape(-1, 2 * self.cout, 1, 1), [self.cout] * 2, dim=1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return h + (x if self.skip is None else self.skip(x))


class Attention(nn.Module):
    def __init__(self, channels, size, heads):
        super().__init__()
        self.c, self.s, self.heads = channels, size, heads
        self.norm = Norm(channels, size)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x):
        n, h, d = self.s * self.s, self.heads, self.c // self.heads
        q, k, v = torch.split(self.qkv(self.norm(x)).reshape(-1, 3 * h, d, n), [h] * 3, dim=1)
        w = torch.softmax(torch.matmul(q.transpose(2, 3), k) * (d ** -0.5), dim=-1)
        y = torch.matmul(v, w.transpose(2, 3)).reshape(-1, self.c, self.s, self.s)
        return x + self.out(y)


class UNet(nn.Module):
    def __init__(self, channels=(32, 80, 120), emb=128, freqs=32, pixel=8):
        super().__init__()
        c0, c1, c2 = channels
        self.config = dict(channels=list(channels), emb=emb, freqs=freqs, pixel=pixel)
        self.register_buffer(
            "freqs", torch.exp(-math.log(10000.0) * torch.arange(freqs) / freqs).float())
        self.time1 = nn.Linear(2 * freqs, emb)
        self.time2 = nn.Linear(emb, emb)
        self.classes = nn.Embedding(11, emb)

        self.stem = nn.Conv2d(1, c0, 4, stride=2, padding=1)          # 32 -> 16
        self.down0 = Block(c0, c0, 16, emb)
        self.pool0 = nn.Conv2d(c0, c1, 3, stride=2, padding=1)        # 16 -> 8
        self.down1 = Block(c1, c1, 8, emb)
        self.att1 = Attention(c1, 8, 2)
        self.pool1 = nn.Conv2d(c1, c2, 3, stride=2, padding=1)        # 8 -> 4
        self.mid0 = Block(c2, c2, 4, emb)
        self.att2 = Attention(c2, 4, 4)
        self.mid1 = Block(c2, c2, 4, emb)
        self.up1 = nn.Conv2d(c2, 4 * c1, 1)                           # 4 -> 8
        self.dec1 = Block(2 * c1, c1, 8, emb)
        self.up0 = nn.Conv2d(c1, 4 * c0, 1)                           # 8 -> 16
        self.dec0 = Block(2 * c0, c0, 16, emb)
        self.norm = Norm(c0, 16)
        self.head = nn.Conv2d(c0, 4 * pixel, 3, padding=1)            # 16 -> 32
        self.local = nn.Conv2d(1, pixel, 3, padding=1)                # the input at full resolution
        self.last = nn.Conv2d(pixel, 1, 3, padding=1)
        self.gain = nn.Linear(emb, 1)                                 # time-dependent gain on the input
        self.tune = nn.Linear(emb, pixel)                             # the same for the last hidden layer
        for layer in (self.last, self.gain, self.tune):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def embed(self, timestep, class_labels):
        a = timestep.unsqueeze(1) * self.freqs
        e = torch.cat([torch.cos(a), torch.sin(a)], dim=1)
        return F.silu(self.time2(F.silu(self.time1(e))) + self.classes(class_labels))

    def forward(self, sample, timestep, class_labels):
        with torch.autocast("cpu", enabled=False):  # the embedding and the gain stay in float32
            e = self.embed(timestep, class_labels)
            gain = self.gain(e).reshape(-1, 1, 1, 1)
            tune = 1 + self.tune(e).reshape(-1, self.config["pixel"], 1, 1)

        h0 = self.down0(self.stem(sample), e)
        h1 = self.att1(self.down1(self.pool0(h0), e))
        h = self.mid1(self.att2(self.mid0(self.pool1(h1), e)), e)
        h = self.dec1(torch.cat([F.pixel_shuffle(self.up1(h), 2), h1], dim=1), e)
        h = self.dec0(torch.cat([F.pixel_shuffle(self.up0(h), 2), h0], dim=1), e)
        h = F.pixel_shuffle(self.head(F.silu(self.norm(h))), 2) + self.local(sample)
        return self.last(F.silu(h * tune)) + gain * sample


def set_export(model, flag):
    for m in model.modules():
        if isinstance(m, Norm):
            m.set_export(flag)
    return model


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def macs(model):
    """Multiply-accumulates of convolutions, linear layers and attention, for one sample."""
    total, hooks = [0], []

    def conv(m, i, o):
        total[0] += o.shape[1] * o.shape[2] * o.shape[3] * m.weight[0].numel()

    def linear(m, i, o):
        total[0] += m.weight.numel()

    def attention(m, i, o):
        total[0] += 2 * m.c * (m.s * m.s) ** 2

    for m in model.modules():
        f = {nn.Conv2d: conv, nn.Linear: linear, Attention: attention}.get(type(m))
        if f:
            hooks.append(m.register_forward_hook(f))
    with torch.no_grad():
        model(torch.zeros(1, 1, IMAGE, IMAGE), torch.zeros(1), torch.zeros(1, dtype=torch.long))
    for h in hooks:
        h.remove()
    return total[0]
