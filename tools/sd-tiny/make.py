"""Makes test/data/sd-tiny and test/data/sdxl-tiny: folders of ONNX files like those of Stable Diffusion and SDXL, with
random weights and a few hundred kB each, and what PyTorch, transformers and diffusers compute with them.

    python tools/sd-tiny/make.py test/data

Needs torch (with its TorchScript exporter), onnx, transformers, diffusers and safetensors.
"""
import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from safetensors.numpy import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

warnings.filterwarnings("ignore")
WIDTH, TOKENS, LATENT, SCALING, GUIDANCE = 16, 77, 8, 0.18215, 5.0
START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = "a photo of the cat dog in style painting by on red house and with blurry".split()
PROMPTS = [
    "a photo of a cat",
    "A Painting  of the\tred HOUSE, in the style of 1920!",
    "Ça va? l'été à Zürich: 東京 🐈‍⬛ e\u0301",
    "it's the dog's house & we'll <|endoftext|> see",
    "",
    " ".join(["photo of the red cat and"] * 20),
]
NEGATIVE = "blurry"


def byte_alphabet():
    """The printable stand-ins of the 256 bytes, as in GPT-2 and CLIP: the printable ones first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def vocabulary():
    """Bytes, bytes at the end of a word, the words above built from left to right, and the two special tokens."""
    merges = []
    for word in WORDS:
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            if (pair := (pieces[0], pieces[1])) not in merges:
                merges.append(pair)
            pieces[:2] = ["".join(pair)]
    letters = byte_alphabet()
    tokens = [*letters, *(c + "</w>" for c in letters), *dict.fromkeys(a + b for a, b in merges), START, END]
    return {token: i for i, token in enumerate(tokens)}, merges


VOCAB, MERGES = vocabulary()


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def make_tokenizer(folder, pad):
    write(folder / "vocab.json", json.dumps(VOCAB, ensure_ascii=False) + "\n")
    write(folder / "merges.txt", "".join(["#version: 0.2\n", *(f"{a} {b}\n" for a, b in MERGES)]))
    write(folder / "tokenizer_config.json", {
        "tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS, "add_prefix_space": False,
        "bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad,
    })
    return CLIPTokenizer(vocab=dict(VOCAB), merges=list(MERGES), model_max_length=TOKENS, pad_token=pad)


def make_text_encoder(kind, width, act):
    return frozen(kind(CLIPTextConfig(
        vocab_size=len(VOCAB), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=TOKENS, bos_token_id=VOCAB[START], eos_token_id=VOCAB[END],
        pad_token_id=VOCAB[END], projection_dim=width, hidden_act=act, initializer_range=0.3,
        attn_implementation="eager")))


def make_unet(width, levels, **options):
    unet = frozen(UNet2DConditionModel(
        sample_size=LATENT, in_channels=4, out_channels=4, block_out_channels=(8, 16)[:levels],
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D")[:levels], layers_per_block=1,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")[-levels:],
        mid_block_type="UNetMidBlock2DCrossAttn", cross_attention_dim=width, attention_head_dim=2, norm_num_groups=4,
        **options))
    unet.set_default_attn_processor()
    # Random weights answer prompts weakly; a louder text makes tests see it.
    for name, weight in unet.named_parameters():
        if "attn2.to_out.0.weight" in name or "attn2.to_v.weight" in name:
            weight.mul_(3)
    return unet


def make_vae():
    return frozen(AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(8, 16), layers_per_block=1,
        norm_num_groups=4, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=2 * LATENT, scaling_factor=SCALING))


def frozen(module):
    return module.eval().requires_grad_(False)


class Exported(torch.nn.Module):
    """A module with a flat list of inputs and outputs, for the exporter."""

    def __init__(self, module, run):
        super().__init__()
        self.module, self.run = module, run

    def forward(self, *args):
        return self.run(self.module, *args)


def export(module, run, args, folder, inputs, outputs, sequences=()):
    """`sequences`: ports whose second axis is free too."""
    folder.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "batch", **({1: "sequence"} if name in sequences else {})} for name in [*inputs, *outputs]}
    path = folder / "model.onnx"
    torch.onnx.export(Exported(module, run), args, str(path), opset_version=17, dynamo=False, do_constant_folding=True,
                      input_names=inputs, output_names=outputs, dynamic_axes=axes)
    model = onnx.load(path)
    shorten_names(model.graph, {*inputs, *outputs})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def shorten_names(graph, kept):
    """The paths of modules in the names are half of such a small file."""
    names = {}
    for node in graph.node:
        node.name = ""
        for names_of in (node.input, node.output):
            for i, name in enumerate(names_of):
                if name and name not in kept:
                    names_of[i] = names.setdefault(name, f"v{len(names)}")
    for tensor in graph.initializer:
        tensor.name = names.setdefault(tensor.name, f"v{len(names)}")


def numbers(tensor):
    return [float(f"{value:.6g}") for value in tensor.flatten().tolist()]


def denoise(network, x, t):
    """x0 from guided noise, and the gradient of its sum. network(sample, timestep): both branches, conditional first."""
    x = x.clone().requires_grad_()
    conditional, unconditional = network(torch.cat([x, x]), torch.cat([t, t])).sample.chunk(2)
    noise = unconditional + GUIDANCE * (conditional - unconditional)
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    power = scheduler.alphas_cumprod[t.long()].view(-1, 1, 1, 1)
    denoised = (x - (1 - power).sqrt() * noise) / power.sqrt()
    (grad_x,) = torch.autograd.grad(denoised.sum(), x)
    return {"guidance_scale": GUIDANCE, "x": numbers(x), "t": numbers(t), "denoised": numbers(denoised),
            "grad_x": numbers(grad_x)}


def write_shared(out, index):
    write(out / "model_index.json", {
        "_diffusers_version": "0.30.0", "scheduler": ["diffusers", "DDIMScheduler"],
        "unet": ["diffusers", "OnnxRuntimeModel"], **index})
    write(out / "scheduler/scheduler_config.json", {
        "_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
        "num_train_timesteps": 1000, "prediction_type": "epsilon"})


def make_sd(out):
    tokenizer = make_tokenizer(out / "tokenizer", END)
    write(out / "tokenizer/tokenizer.json", tokenizer.backend_tokenizer.to_str() + "\n")
    text_encoder, unet, vae = make_text_encoder(CLIPTextModel, WIDTH, "quick_gelu"), make_unet(WIDTH, 2), make_vae()

    def encode(texts):
        ids = tokenizer(texts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").input_ids
        return ids, text_encoder(ids)[0]

    ids, embeds = encode(PROMPTS)
    _, negative = encode([NEGATIVE])
    x, t = torch.randn(2, 4, LATENT, LATENT), torch.tensor([250.0, 900.0])
    export(text_encoder, lambda m, i: m(i).last_hidden_state, (ids[:2].int(),), out / "text_encoder",
           ["input_ids"], ["last_hidden_state"], ["input_ids"])
    export(unet, lambda m, *a: m(*a).sample, (x, t, embeds[:2]), out / "unet",
           ["sample", "timestep", "encoder_hidden_states"], ["out_sample"], ["encoder_hidden_states"])
    export(vae, lambda m, z: m.decode(z).sample, (x,), out / "vae_decoder", ["latent_sample"], ["sample"])
    write(out / "vae_decoder/config.json", {"_class_name": "AutoencoderKL", "scaling_factor": SCALING})
    write_shared(out, {
        "_class_name": "OnnxStableDiffusionPipeline", "text_encoder": ["diffusers", "OnnxRuntimeModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "vae_decoder": ["diffusers", "OnnxRuntimeModel"]})
    np.save(out / "prompt_embeds.npy", embeds[:2].numpy())
    save_file({"encoder_hidden_states": negative.numpy()}, str(out / "negative_embeds.safetensors"))
    states = torch.cat([embeds[:2], negative, negative])
    write(out / "reference.json", json.dumps({
        "tokens": [{"prompt": p, "ids": i} for p, i in zip(PROMPTS, ids.tolist())],
        "prompts": PROMPTS[:2], "negative_prompt": NEGATIVE, **denoise(lambda *a: unet(*a, states), x, t),
        "latent": numbers(x[:1]), "image": numbers(vae.decode(x[:1] / SCALING).sample),
    }, ensure_ascii=False) + "\n")


def make_sdxl(out):
    tokenizers = make_tokenizer(out / "tokenizer", END), make_tokenizer(out / "tokenizer_2", "!")
    encoders = (make_text_encoder(CLIPTextModel, WIDTH, "quick_gelu"),
                make_text_encoder(CLIPTextModelWithProjection, WIDTH // 2, "gelu"))
    unet = make_unet(WIDTH + WIDTH // 2, 1, addition_embed_type="text_time", addition_time_embed_dim=4,
                     projection_class_embeddings_input_dim=WIDTH // 2 + 6 * 4)
    x, t = torch.randn(2, 4, LATENT, LATENT), torch.tensor([250.0, 900.0])
    pipeline = StableDiffusionXLPipeline(
        make_vae(), encoders[0], encoders[1], *tokenizers, unet, DDIMScheduler(), force_zeros_for_empty_prompt=True,
        add_watermarker=False)
    embeds, negative, pooled, negative_pooled = pipeline.encode_prompt(PROMPTS[:2], do_classifier_free_guidance=True)
    size = (8 * LATENT, 8 * LATENT)
    time_ids = torch.tensor([[*size, 0, 0, *size]], dtype=torch.float32).repeat(4, 1)

    def outputs(first, layers):
        return [first, *(f"hidden_states.{i}" for i in range(layers))]

    ids = tokenizers[0](PROMPTS[:2], padding="max_length", max_length=TOKENS, return_tensors="pt").input_ids
    export(encoders[0], lambda m, i: (lambda o: (o.last_hidden_state, *o.hidden_states))(m(i, output_hidden_states=True)),
           (ids,), out / "text_encoder", ["input_ids"], outputs("last_hidden_state", 3), ["input_ids"])
    export(encoders[1], lambda m, i: (lambda o: (o.text_embeds, *o.hidden_states))(m(i, output_hidden_states=True)),
           (ids,), out / "text_encoder_2", ["input_ids"], outputs("text_embeds", 3), ["input_ids"])
    added = lambda pool, ids: {"text_embeds": pool, "time_ids": ids}
    export(unet, lambda m, s, tt, e, p, i: m(s, tt, e, added_cond_kwargs=added(p, i)).sample,
           (x, t, embeds, pooled, time_ids[:2]), out / "unet",
           ["sample", "timestep", "encoder_hidden_states", "text_embeds", "time_ids"], ["out_sample"],
           ["encoder_hidden_states"])
    write_shared(out, {"_class_name": "ORTStableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True})
    states, kwargs = torch.cat([embeds, negative]), added(torch.cat([pooled, negative_pooled]), time_ids)
    write(out / "reference.json", json.dumps({
        "prompts": PROMPTS[:2], "negative_prompt": "",
        **denoise(lambda *a: unet(*a, states, added_cond_kwargs=kwargs), x, t)}) + "\n")


for name, make in ("sd-tiny", make_sd), ("sdxl-tiny", make_sdxl):
    torch.manual_seed(0)
    make(pathlib.Path(sys.argv[1]) / name)
