"""Samples of the bundled demo model by diffusers' schedulers, for src/runtime/diffusers.test.ts.

Needs numpy, onnxruntime, torch and diffusers. Run from the repository's root:

    python tools/diffusers-demo/make.py

Writes test/data/diffusers/*.f32: raw little-endian float32, 4 samples of 1 x 32 x 32. The model is EDM's denoiser
D(x, sigma); guidance 2 towards the labels 0, 3, 5 and 8, against label 10 (none). Both schedulers start from
sqrt(80^2 + 1) times the noise.
"""

import pathlib

import numpy as np
import onnxruntime
import torch
from diffusers import EDMDPMSolverMultistepScheduler, UniPCMultistepScheduler

STEPS = 5
SIGMA_MIN, SIGMA_MAX = 0.002, 80.0
LABELS = np.array([0, 3, 5, 8], dtype=np.int64)
OUT = pathlib.Path("test/data/diffusers")

session = onnxruntime.InferenceSession("media/demo/unet.onnx", providers=["CPUExecutionProvider"])


def denoise(x, sigma):
    """Guided D(x, sigma) for a batch, x0 + sigma * noise in, x0 out."""

    def run(labels):
        feeds = {
            "sample": x.astype(np.float32),
            "sigma": np.full(len(x), sigma, dtype=np.float32),
            "class_labels": labels,
        }
        return session.run(None, feeds)[0].astype(np.float64)

    none = run(np.full_like(LABELS, 10))
    return none + 2.0 * (run(LABELS) - none)


def dpmpp_2m(noise):
    """EDM's own scheduler class. It wants the raw network F = (D - c_skip x) / c_out."""
    scheduler = EDMDPMSolverMultistepScheduler(sigma_min=SIGMA_MIN, sigma_max=SIGMA_MAX, solver_order=2)
    scheduler.set_timesteps(STEPS)
    x = torch.from_numpy(noise) * float(np.sqrt(SIGMA_MAX**2 + 1))
    for sigma, t in zip(scheduler.sigmas.double().numpy(), scheduler.timesteps):
        variance = sigma**2 + 0.5**2
        c_skip, c_out = 0.5**2 / variance, sigma * 0.5 / np.sqrt(variance)
        raw = (denoise(x.numpy(), sigma) - c_skip * x.numpy()) / c_out
        x = scheduler.step(torch.from_numpy(raw), t, x).prev_sample
    return x.numpy()


def unipc_3(noise):
    """A variance-preserving scheduler on 1000 noise levels even in log sigma; its states are x / sqrt(1 + sigma^2)."""
    levels = np.geomspace(SIGMA_MIN, SIGMA_MAX, 1000)
    scheduler = UniPCMultistepScheduler(
        solver_order=3, prediction_type="sample", timestep_spacing="linspace", final_sigmas_type="sigma_min"
    )
    # The class keeps alpha^2 in float32, too coarse for small sigma.
    scheduler.alphas_cumprod = torch.from_numpy(1 / (1 + levels**2))
    scheduler.set_timesteps(STEPS)
    x = torch.from_numpy(noise)
    for t in scheduler.timesteps:
        scale = np.sqrt(1 + levels[int(t)] ** 2)
        x0 = denoise(x.numpy() * scale, levels[int(t)])
        x = scheduler.step(torch.from_numpy(x0), t, x).prev_sample
    return x.numpy() * np.sqrt(1 + SIGMA_MIN**2)


OUT.mkdir(parents=True, exist_ok=True)
unit = np.random.default_rng(4).standard_normal((len(LABELS), 1, 32, 32)).astype(np.float32).astype(np.float64)
for name, values in {"noise": unit, "dpmpp-2m": dpmpp_2m(unit), "unipc-3": unipc_3(unit)}.items():
    (OUT / f"{name}.f32").write_bytes(values.astype("<f4").tobytes())
    print(name, values.shape, float(values.min()), float(values.max()))
