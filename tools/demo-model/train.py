"""Train the demo UNet. The budget is wall-clock time: the learning rate reaches zero when it ends.

    python train.py --data mnist/ --out run --minutes 60
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch

import data
from model import NO_CLASS, UNet, macs, parameters
from schedule import alpha_sigma


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True, help="folder with the MNIST idx files")
    p.add_argument("--out", required=True, help="folder for checkpoints and the log")
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--warmup", type=int, default=300, help="steps")
    p.add_argument("--ema", type=float, default=0.9995)
    p.add_argument("--drop", type=float, default=0.15, help="label dropout")
    p.add_argument("--shift", type=int, default=0, help="largest random shift in pixels")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--channels", default="32,80,120")
    p.add_argument("--save-every", type=float, default=120, help="seconds")
    p.add_argument("--plain", action="store_true", help="no torch.compile, no bfloat16 (slower)")
    p.add_argument("--resume", help="checkpoint to start from (weights only, the optimiser starts afresh)")
    a = p.parse_args()

    os.makedirs(a.out, exist_ok=True)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(a.seed + 1)
    images, labels = data.load(a.data, "train")
    images = torch.from_numpy(data.to_float(images))
    labels = torch.from_numpy(labels)
    pad = a.shift
    n = len(images)

    net = UNet(tuple(int(c) for c in a.channels.split(",")))
    ema = UNet(**net.config)
    ema.load_state_dict(net.state_dict())
    step, seen, before, first = 0, 0, 0.0, 0
    if a.resume:
        old = torch.load(a.resume, map_location="cpu")
        net.load_state_dict(old["net"], strict=False)
        ema.load_state_dict(old["ema"], strict=False)
        step, seen, before, first = old["step"], old["seen"], old["minutes"], old["step"]
        g.manual_seed(a.seed + 1 + step)
    ema_p, net_p = list(ema.parameters()), list(net.parameters())
    opt = torch.optim.AdamW(net_p, a.lr, betas=(0.9, 0.99), weight_decay=1e-3, foreach=True)
    net.to(memory_format=torch.channels_last)
    f = net if a.plain else torch.compile(net)
    print(f"{parameters(net)} parameters, {macs(net) / 1e6:.1f} MMACs", flush=True)

    log = open(os.path.join(a.out, "log.jsonl"), "a")
    start = last = saved = time.time()
    sums = []
    order, at = torch.randperm(n, generator=g), 0
    bins = np.zeros((4, 2))

    def save(final):
        path = os.path.join(a.out, "unet.pt")
        torch.save(dict(config=net.config, ema=ema.state_dict(), net=net.state_dict(), step=step,
                        seen=seen, minutes=before + (time.time() - start) / 60, final=final,
                        args=dict(batch=a.batch, lr=a.lr, ema=a.ema, drop=a.drop, shift=a.shift)),
                   path + ".part")
        os.replace(path + ".part", path)

    while True:
        now = time.time()
        progress = (now - start) / (a.minutes * 60)
        if progress >= 1:
            break
        lr = a.lr * min(1, (step - first + 1) / a.warmup) * 0.5 * (1 + math.cos(math.pi * progress))
        for group in opt.param_groups:
            group["lr"] = lr

        if at + a.batch > n:
            order, at = torch.randperm(n, generator=g), 0
        pick = order[at:at + a.batch]
        at += a.batch
        x0, c = images[pick], labels[pick]
        if pad:
            dx, dy = torch.randint(-pad, pad + 1, (2,), generator=g).tolist()
            x0 = torch.roll(x0, (dx, dy), (2, 3))  # the border is black, so rolling is a shift
        c = torch.where(torch.rand(a.batch, generator=g) < a.drop, NO_CLASS, c)
        # Stratified times: one in each of `batch` equal parts of [0, 999].
        u = (torch.arange(a.batch) + torch.rand(a.batch, generator=g, dtype=torch.float64)) / a.batch
        t = 999 * u
        alpha, sigma = (s.float()[:, None, None, None] for s in alpha_sigma(t))
        noise = torch.randn(x0.shape, generator=g)
        with torch.autocast("cpu", torch.bfloat16, enabled=not a.plain):
            out = f(alpha * x0 + sigma * noise, t.float(), c).float()
        each = (out - (alpha * noise - sigma * x0)).square().mean((1, 2, 3))
        loss = each.mean()
        opt.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net_p, 1.0)
        opt.step()
        step += 1
        seen += a.batch
        with torch.no_grad():
            rate = min(a.ema, (1 + step) / (10 + step))
            torch._foreach_lerp_(ema_p, net_p, 1 - rate)
            sums.append(loss.item())
            for k, part in enumerate(each.detach().chunk(4)):
                bins[k] += part.mean().item(), 1
        if step % 100 == 0:
            row = dict(step=step, seen=seen, minutes=round(before + (time.time() - start) / 60, 2),
                       loss=round(float(np.mean(sums)), 5), norm=round(norm.item(), 3),
                       lr=float(f"{lr:.3e}"),
                       loss_by_quarter=[round(b[0] / b[1], 5) for b in bins],
                       images_per_s=round(100 * a.batch / (time.time() - last)))
            log.write(json.dumps(row) + "\n")
            log.flush()
            last, sums = time.time(), []
            bins[:] = 0
        if time.time() - saved > a.save_every:
            save(False)
            saved = time.time()
    save(True)
    log.write(json.dumps(dict(step=step, seen=seen, minutes=round(before + (time.time() - start) / 60, 2),
                              final=True)) + "\n")


if __name__ == "__main__":
    main()
