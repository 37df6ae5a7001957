"""What the exported scheduler does in Python, for test/integration/export-diffusers.test.ts.

    python diffusers_check.py FOLDER

FOLDER holds exports by name, each with the solver.json it was made from; demo/ also start noises and our own samples. Prints
one JSON object: for each check its figures and messages, or the error that stopped it. The test says what they must be.
"""
import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path

FOLDER = Path(sys.argv[1])
os.environ.update(HF_HUB_OFFLINE="1", HF_MODULES_CACHE=str(FOLDER / "modules"), TQDM_DISABLE="1")

import numpy as np
import torch
from diffusers import (
    AutoencoderKL, DDIMScheduler, DiffusionPipeline, EDMEulerScheduler, FlowMatchEulerDiscreteScheduler, FluxPipeline,
    FluxTransformer2DModel, StableDiffusionInpaintPipeline, StableDiffusionPipeline, UNet2DConditionModel,
)
from diffusers.utils import logging

torch.set_grad_enabled(False)
torch.set_num_threads(2)
logging.set_verbosity_error()
logging.disable_progress_bar()


def scheduler_class(folder):
    spec = importlib.util.spec_from_file_location("s4s_scheduler", folder / "s4s_scheduler.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["s4s_scheduler"] = module
    spec.loader.exec_module(module)
    return module.S4SScheduler


def exported(name):
    return scheduler_class(FOLDER / name).from_pretrained(FOLDER / name)


def raw(name):
    """The model and the tables of solver.json by their number of evaluations."""
    solver = json.loads((FOLDER / name / "solver.json").read_text())
    return solver["model"], {entry["nfe"]: entry["table"] for entry in solver["solvers"]}


def levels(schedule, t):
    """Signal and noise at a time, from the definition of each schedule."""
    if schedule["type"] == "edm":
        return 1.0, t
    if schedule["type"] == "flow":
        return 1 - t / schedule["num_train_timesteps"], t / schedule["num_train_timesteps"]
    ends = np.sqrt([schedule["beta_start"], schedule["beta_end"]])
    betas = np.linspace(*ends, schedule["num_train_timesteps"]) ** 2
    cumprod = np.cumprod(1 - betas)
    ratio = np.exp(np.interp(t, np.arange(len(betas)), 0.5 * np.log((1 - cumprod) / cumprod)))
    return 1 / np.sqrt(1 + ratio**2), ratio / np.sqrt(1 + ratio**2)


def clean(kind, y, alpha, sigma, time, network):
    """x_0 as the textbook has it for each kind of network."""
    if kind == "edm":
        total = np.sqrt(sigma**2 + 0.25)
        return 0.25 / total**2 * y + 0.5 * sigma / total * network(y / total, single(np.log(sigma) / 4))
    output = network(y, single(time))
    if kind == "epsilon":
        return (y - sigma * output) / alpha
    return {"v_prediction": alpha * y - sigma * output, "flow_prediction": y - sigma * output, "sample": output}[kind]


def single(time):
    """Networks are handed their time in float32."""
    return float(np.float32(time))


def direct(name, nfe, network, x_t):
    """The table as solver.json has it, run by its definition in float64."""
    model, tables = raw(name)
    table = tables[nfe]
    x_t = x_t.double()
    y, denoised = table["start"][0] * x_t, []
    for k, (time, row) in enumerate(zip(table["times"], table["rows"])):
        alpha, sigma = levels(model["noise_schedule"], time)
        denoised.append(clean(model["prediction_type"], y, alpha, sigma, time, network))
        y = table["start"][k + 1] * x_t + sum(weight * d for weight, d in zip(row, denoised))
    return y


def loop(scheduler, network, x_t, timesteps=None):
    """What every pipeline does. The network gets its time as the pipeline hands it over."""
    y = x_t
    for t in scheduler.timesteps if timesteps is None else timesteps:
        y = scheduler.step(network(scheduler.scale_model_input(y, t), t), t, y).prev_sample
    return y


def wave(x, t):
    """A network without weights."""
    return 0.6 * torch.tanh(x) + 0.3 * torch.cos(x * 0.5 + float(t) * 0.01) - 0.2


def noise(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def error(a, b):
    return float((a.double() - b.double()).abs().max())


def message(function):
    try:
        function()
    except ValueError as problem:
        return str(problem)
    return "no error"


def check_kind(name):
    """Any prediction type: against the definition in float64, and twice in a row."""
    scheduler = exported(name)
    figures = {}
    for nfe in scheduler._tables:
        scheduler.set_timesteps(nfe)
        x_t = noise(2, 3, 4, 4, dtype=torch.float64) * scheduler.init_noise_sigma
        wanted = direct(name, nfe, wave, x_t)
        first, second = loop(scheduler, wave, x_t), loop(scheduler, wave, x_t)
        figures[nfe] = {
            "double": error(first, wanted),
            "again": error(second, first),
            "single": error(loop(scheduler, wave, x_t.float()), wanted),
            "half": error(loop(scheduler, wave, x_t.half()), wanted),
            "size": float(wanted.abs().max()),
        }
    return figures


def check_demo():
    import onnxruntime

    session = onnxruntime.InferenceSession(str(FOLDER / "demo" / "unet.onnx"), providers=["CPUExecutionProvider"])
    x_t = torch.from_numpy(np.fromfile(FOLDER / "demo" / "noise.f32", np.float32).reshape(-1, 1, 32, 32))
    labels = torch.arange(len(x_t)) % 10
    both = torch.cat([torch.full_like(labels, 10), labels]).numpy()

    def network(x, t):
        feeds = {"sample": torch.cat([x, x]).numpy(), "sigma": np.full(len(both), t, np.float32), "class_labels": both}
        without, given = torch.from_numpy(session.run(None, feeds)[0]).chunk(2)
        return without + 2.0 * (given - without)

    scheduler = exported("demo")
    figures = {}
    for nfe in scheduler._tables:
        scheduler.set_timesteps(nfe)
        samples = loop(scheduler, network, x_t)
        ours = torch.from_numpy(np.fromfile(FOLDER / "demo" / f"samples-{nfe}.f32", np.float32)).reshape(samples.shape)
        figures[nfe] = {"error": error(samples, ours), "size": float(ours.abs().max())}
    return figures


def tiny_vae(channels):
    torch.manual_seed(1)
    return AutoencoderKL(
        block_out_channels=(16,), norm_num_groups=4, latent_channels=channels, sample_size=8, shift_factor=0.0,
    ).eval()


def tiny_stable_diffusion(scheduler, kind=StableDiffusionPipeline):
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16, attention_head_dim=4, norm_num_groups=4,
    ).eval()
    return kind(
        vae=tiny_vae(4), text_encoder=None, tokenizer=None, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )


def paint(pipe, **changes):
    dtype = pipe.unet.dtype
    arguments = dict(
        prompt_embeds=noise(2, 5, 16, seed=2).to(dtype), negative_prompt_embeds=noise(2, 5, 16, seed=3).to(dtype),
        latents=noise(2, 4, 8, 8).to(dtype), height=8, width=8, num_inference_steps=4, guidance_scale=3.0,
        output_type="latent",
    )
    return pipe(**{**arguments, **changes}).images


def check_stable_diffusion():
    pipe = tiny_stable_diffusion(exported("epsilon"))
    words = torch.cat([noise(2, 5, 16, seed=3), noise(2, 5, 16, seed=2)])

    def network(x, t):
        without, given = pipe.unet(torch.cat([x, x]).float(), t, encoder_hidden_states=words).sample.chunk(2)
        return (without + 3.0 * (given - without)).to(x.dtype)

    latents = paint(pipe)
    # As the exported README says it: the folder of the export becomes the scheduler folder of a saved pipeline.
    saved = FOLDER / "saved"
    tiny_stable_diffusion(DDIMScheduler()).save_pretrained(saved)
    for file in ("s4s_scheduler.py", "scheduler_config.json"):
        (saved / "scheduler" / file).write_bytes((FOLDER / "epsilon" / file).read_bytes())
    index = json.loads((saved / "model_index.json").read_text())
    index["scheduler"] = ["s4s_scheduler", "S4SScheduler"]
    (saved / "model_index.json").write_text(json.dumps(index))
    del sys.modules["s4s_scheduler"]
    load = lambda folder, **trust: DiffusionPipeline.from_pretrained(folder, text_encoder=None, tokenizer=None, **trust)
    refused = message(lambda: load(saved))
    loaded = load(saved, trust_remote_code=True)
    loaded.save_pretrained(FOLDER / "saved-again")
    again = load(FOLDER / "saved-again", trust_remote_code=True)
    of_five = paint(pipe, num_inference_steps=5)
    ddim = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1,
    )
    from_ours = DDIMScheduler.from_config(pipe.scheduler.config)
    wanted_size = float(latents.abs().max())
    half = tiny_stable_diffusion(exported("epsilon")).to(torch.float16)
    halves = paint(half)
    return {
        "direct": error(latents, direct("epsilon", 4, network, noise(2, 4, 8, 8))),
        "repeat": error(paint(pipe), latents),
        "refused": refused,
        "loaded": error(paint(loaded), latents),
        "saved_index": json.loads((FOLDER / "saved-again" / "model_index.json").read_text())["scheduler"],
        "saved_again": error(paint(again), latents),
        "ddim": error(paint(tiny_stable_diffusion(ddim), num_inference_steps=5), of_five),
        "from_our_config": error(from_ours.alphas_cumprod, ddim.alphas_cumprod),
        "half": error(halves, latents),
        "half_dtype": str(halves.dtype),
        "size": wanted_size,
    }


def check_inpainting():
    pipe = tiny_stable_diffusion(exported("epsilon"), StableDiffusionInpaintPipeline)
    image, mask = noise(2, 3, 8, 8, seed=5).clamp(-1, 1), torch.zeros(2, 1, 8, 8)
    mask[..., 4:] = 1
    painted = paint(
        pipe, image=image, mask_image=mask, strength=1.0, generator=torch.Generator().manual_seed(0),
    )
    kept = pipe._encode_vae_image(image=image, generator=torch.Generator().manual_seed(0))
    return {
        "kept": error(painted[..., :4], kept[..., :4]),
        "new": error(painted[..., 4:], kept[..., 4:]),
        "half_way": message(lambda: paint(pipe, image=image, mask_image=mask, strength=0.5)),
    }


def check_flow():
    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, pooled_projection_dim=16, axes_dims_rope=(4, 4, 8),
    ).eval()
    pipe = FluxPipeline(
        scheduler=exported("flow"), vae=tiny_vae(4), text_encoder=None, tokenizer=None, text_encoder_2=None,
        tokenizer_2=None, transformer=transformer,
    )
    latents = noise(1, 16, 16)

    def draw(**changes):
        arguments = dict(
            prompt_embeds=noise(1, 5, 16, seed=2), pooled_prompt_embeds=noise(1, 16, seed=3), latents=latents, height=8,
            width=8, num_inference_steps=4, output_type="latent",
        )
        return pipe(**{**arguments, **changes}).images

    places = FluxPipeline._prepare_latent_image_ids(1, 4, 4, "cpu", torch.float32)

    def network(x, t):
        return transformer(
            hidden_states=x.float(), timestep=torch.tensor([t]) / 1000, pooled_projections=noise(1, 16, seed=3),
            encoder_hidden_states=noise(1, 5, 16, seed=2), txt_ids=torch.zeros(5, 3), img_ids=places,
        ).sample.to(x.dtype)

    ours, of_five = draw(), draw(num_inference_steps=5)
    sigmas = [float(t) / 1000 for t in pipe.scheduler.timesteps]
    pipe.scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    return {
        "direct": error(ours, direct("flow", 4, network, latents)),
        "euler": error(draw(num_inference_steps=5, sigmas=sigmas), of_five),
        "size": float(ours.abs().max()),
    }


def check_edm():
    def against(scheduler):
        scheduler.set_timesteps(5)
        return loop(scheduler, wave, noise(2, 3, 4, 4) * 80)

    ours, theirs = against(exported("edm")), against(EDMEulerScheduler(sigma_min=0.002, sigma_max=80))
    scheduler = exported("edm")
    return {"euler": error(ours, theirs), "size": float(ours.abs().max()), "start": scheduler.init_noise_sigma}


def check_v():
    def against(scheduler):
        scheduler.set_timesteps(5)
        return loop(scheduler, wave, noise(2, 3, 4, 4))

    theirs = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1,
        prediction_type="v_prediction",
    )
    return {"ddim": error(against(exported("v_prediction")), against(theirs))}


def check_use():
    """Round trip, and all that goes wrong."""
    scheduler = exported("epsilon")
    scheduler.save_pretrained(FOLDER / "copy")
    copy = scheduler_class(FOLDER / "copy").from_pretrained(FOLDER / "copy")
    plain = lambda one: {key: value for key, value in dict(one.config).items() if not key.startswith("_")}
    x_t = noise(2, 3, 4, 4)
    whole = loop(scheduler, wave, x_t)
    # A loop that breaks off, and one that starts without set_timesteps.
    loop(scheduler, wave, x_t, scheduler.timesteps[:2])
    scheduler.scale_model_input(x_t, scheduler.timesteps[0])
    restarted = loop(scheduler, wave, x_t)
    loop(scheduler, wave, x_t, scheduler.timesteps[:2])
    scheduler.set_timesteps(scheduler.num_inference_steps)
    reset = loop(scheduler, wave, x_t)
    bf16 = loop(scheduler, wave, x_t, scheduler.timesteps.bfloat16())
    numbers = loop(scheduler, wave, x_t, scheduler.timesteps.tolist())
    alpha, sigma = levels(raw("epsilon")[0]["noise_schedule"], float(scheduler.timesteps[1]))
    noisy = scheduler.add_noise(x_t, noise(2, 3, 4, 4, seed=1), scheduler.timesteps[1:2].repeat(2))
    edm = exported("edm")
    warnings = []
    logger = sys.modules["s4s_scheduler"].logger
    logger.warning, warn = warnings.append, logger.warning
    edm.step(x_t, edm.timesteps[0], x_t)
    scheduler.set_timesteps(sigmas=[0.9, 0.5, 0.2, 0.1], mu=1.0)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 0.25, 4))
    logger.warning = warn
    return {
        "same_config": plain(copy) == plain(scheduler),
        "same_samples": error(loop(copy, wave, x_t), whole),
        "restarted": error(restarted, whole),
        "reset": error(reset, whole),
        "numbers": error(numbers, whole),
        "bf16_finite": bool(bf16.isfinite().all()),
        "add_noise": error(noisy, alpha * x_t + sigma * noise(2, 3, 4, 4, seed=1)),
        "length": len(scheduler),
        "order": scheduler.order,
        "timesteps": [str(scheduler.timesteps.dtype), len(scheduler.timesteps)],
        "tuple": type(scheduler.step(x_t, scheduler.timesteps[0], x_t, return_dict=False)).__name__,
        "warnings": warnings,
        "other_nfe": message(lambda: scheduler.set_timesteps(7)),
        "no_tables": message(lambda: type(scheduler).from_config(DDIMScheduler().config)),
        "half_way": message(lambda: scheduler.set_begin_index(2)),
        "out_of_turn": message(lambda: scheduler.step(x_t, scheduler.timesteps[3], x_t)),
        "shape": message(lambda: scheduler.step(noise(2, 6, 4, 4), scheduler.timesteps[0], x_t)),
    }


CHECKS = {
    "demo": check_demo,
    **{name: (lambda name=name: check_kind(name)) for name in ("epsilon", "v_prediction", "sample", "flow", "edm")},
    "stable_diffusion": check_stable_diffusion,
    "inpainting": check_inpainting,
    "flux": check_flow,
    "edm_euler": check_edm,
    "v_ddim": check_v,
    "use": check_use,
}


def run(check):
    try:
        return check()
    except Exception:
        return {"error": traceback.format_exc()}


print(json.dumps({name: run(check) for name, check in CHECKS.items()}))
