"""Model folders as the real exporters write them, of tiny networks with seeded random weights, and what PyTorch says of their outputs:

    python make.py diffusers     # names, half precision and weights.pb of diffusers' convert_stable_diffusion_checkpoint_to_onnx.py (needs diffusers, transformers)
    python make.py optimum       # optimum's exporter, unmodified (needs optimum-onnx)

Each folder is packed as NAME.tar.gz beside NAME.json (outputs of PyTorch at places, for inputs sin(0.37 k + i), timestep 501, ids 3, 4, ...).
"""
import gzip
import io
import json
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile
import warnings

import numpy as np
import onnx
import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection

HERE = pathlib.Path(__file__).parent
PLACES = 64
SEED = 1
TOKENS = 16


def networks():
    torch.manual_seed(SEED)
    unet = UNet2DConditionModel(sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=16, attention_head_dim=2, norm_num_groups=4,
                                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
    vae = AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, layers_per_block=1, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, sample_size=16)
    text = CLIPTextModel(CLIPTextConfig(vocab_size=len(json.load(open(HERE.parent / "clip/vocab.json"))), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=TOKENS,
                                        bos_token_id=0, eos_token_id=1, attn_implementation="eager"))
    vision = CLIPVisionModelWithProjection(CLIPVisionConfig(hidden_size=16, intermediate_size=32, projection_dim=12, num_hidden_layers=6, num_attention_heads=2, image_size=32, patch_size=8, attn_implementation="eager"))
    return [module.eval().requires_grad_(False) for module in (unet, vae, text, vision)]


def tokenizer():
    clip = HERE.parent / "clip"
    return CLIPTokenizer(str(clip / "vocab.json"), str(clip / "merges.txt"))


def scheduler():
    return PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False)


def processor():
    return CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})


def wave(shape, phase):
    return torch.from_numpy(np.sin(0.37 * np.arange(int(np.prod(shape))) + phase).reshape(shape).astype(np.float32))


def places(value):
    flat = value.detach().double().numpy().ravel()
    at = np.unique(np.linspace(0, flat.size - 1, min(PLACES, flat.size)).round().astype(int))
    return {"shape": list(value.shape), "largest": float(np.abs(flat).max()), "at": at.tolist(), "values": [float(f"{v:.7g}") for v in flat[at]]}


def answers(unet, vae, text, vision):
    ids = torch.arange(3, 3 + TOKENS)[None]
    moments = vae.quant_conv(vae.encoder(wave((1, 3, 16, 16), 0)))
    return {"textEncoder": {"states": places(text(ids).last_hidden_state)}, "imageEncoder": {"embedding": places(vision(wave((1, 3, 32, 32), 0)).image_embeds)},
            "vaeEncoder": {"moments": places(moments), "mean": places(moments[:, :4])}, "vaeDecoder": {"picture": places(vae.decode(wave((1, 4, 8, 8), 0)).sample)},
            "unet": {"noise": places(unet(wave((2, 4, 8, 8), 0), torch.tensor(501), wave((2, TOKENS, 16), 2)).sample)}}


def pack(name, folder, found, extra):
    with open(HERE / f"{name}.tar.gz", "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.is_file():
                info = tarfile.TarInfo(str(path.relative_to(folder)))
                data = path.read_bytes()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    versions = {"torch": torch.__version__, "onnx": onnx.__version__, **extra}
    (HERE / f"{name}.json").write_text(json.dumps({"provenance": versions, "roles": found}, indent=1) + "\n")
    print(name, (HERE / f"{name}.tar.gz").stat().st_size, [str(p.relative_to(folder)) for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()])


class Call(torch.nn.Module):
    def __init__(self, inner, call):
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, *args):
        return self.call(self.inner, *args)


def by_diffusers():
    """The conventions of diffusers' script: opset 14, half precision, ids int32, one weights.pb for the UNet, no config.json beside the networks."""
    import diffusers
    import transformers
    modules = networks()
    halves = [module.half() for module in modules]
    found = answers(*[module.float() for module in networks_like(halves)])
    unet, vae, text, vision = halves
    half = torch.float16

    def export(module, args, path, inputs, outputs, axes):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        torch.onnx.export(module, args, path, input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=14, do_constant_folding=True, dynamo=False)

    with tempfile.TemporaryDirectory() as out:
        batch = {0: "batch", 1: "channels", 2: "height", 3: "width"}
        export(Call(text, lambda m, ids: text_call(m, ids)), (torch.arange(TOKENS, dtype=torch.int32)[None],), f"{out}/text_encoder/model.onnx", ["input_ids"], ["last_hidden_state", "pooler_output"], {"input_ids": {0: "batch", 1: "sequence"}})
        export(Call(unet, lambda m, s, t, c: m(s, t, c, return_dict=False)[0]), (torch.randn(2, 4, 8, 8).to(half), torch.tensor([1.0]).to(half), torch.randn(2, TOKENS, 16).to(half)), f"{out}/unet/model.onnx",
               ["sample", "timestep", "encoder_hidden_states"], ["out_sample"], {"sample": batch, "timestep": {0: "batch"}, "encoder_hidden_states": {0: "batch", 1: "sequence"}})
        whole = onnx.load(f"{out}/unet/model.onnx")
        os.remove(f"{out}/unet/model.onnx")
        onnx.save_model(whole, f"{out}/unet/model.onnx", save_as_external_data=True, all_tensors_to_one_file=True, location="weights.pb", convert_attribute=False, size_threshold=256)
        export(Call(vae, lambda m, x: m.encode(x, return_dict=False)[0].sample()), (torch.randn(1, 3, 16, 16).to(half),), f"{out}/vae_encoder/model.onnx", ["sample"], ["latent_sample"], {"sample": batch})
        export(Call(vae, lambda m, z: m.decode(z, return_dict=False)[0]), (torch.randn(1, 4, 8, 8).to(half),), f"{out}/vae_decoder/model.onnx", ["latent_sample"], ["sample"], {"latent_sample": batch})
        export(Call(vision, lambda m, x: tuple(m(x, return_dict=False)[:2])), (torch.randn(1, 3, 32, 32).to(half),), f"{out}/image_encoder/model.onnx", ["pixel_values"], ["image_embeds", "last_hidden_state"], {"pixel_values": {0: "batch"}})
        tokenizer().save_pretrained(f"{out}/tokenizer")
        scheduler().save_pretrained(f"{out}/scheduler")
        processor().save_pretrained(f"{out}/feature_extractor")
        with open(f"{out}/model_index.json", "w") as file:
            json.dump({"_class_name": "OnnxStableDiffusionPipeline", "_diffusers_version": diffusers.__version__, "text_encoder": ["diffusers", "OnnxRuntimeModel"], "unet": ["diffusers", "OnnxRuntimeModel"],
                       "vae_encoder": ["diffusers", "OnnxRuntimeModel"], "vae_decoder": ["diffusers", "OnnxRuntimeModel"], "scheduler": ["diffusers", "PNDMScheduler"], "tokenizer": ["transformers", "CLIPTokenizer"]}, file, indent=1)
        pack("diffusers-half", out, found, {"diffusers": diffusers.__version__, "transformers": transformers.__version__})


def networks_like(halves):
    """Copies whose weights are the halves' own values, so that only rounding of activations differs."""
    copies = networks()
    for copy, half in zip(copies, halves):
        copy.load_state_dict({key: value.float() for key, value in half.state_dict().items()})
    return copies


def text_call(model, ids):
    """The text tower with its causal mask written out: tracing cannot follow how the library makes it."""
    inner = getattr(model, "text_model", model)
    states = inner.embeddings(input_ids=ids)
    at = torch.arange(ids.shape[1])
    mask = (at[None, :] > at[:, None]).to(states.dtype) * -65504.0
    for layer in inner.encoder.layers:
        made = layer(states, attention_mask=mask[None, None])
        states = made[0] if isinstance(made, tuple) else made
    states = inner.final_layer_norm(states)
    return states, states[:, -1]


def by_optimum():
    import diffusers
    import optimum.version
    import transformers
    from optimum.exporters.onnx import main_export
    unet, vae, text, vision = networks()
    found = answers(unet, vae, text, vision)
    pipeline = StableDiffusionPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer(), unet=unet, scheduler=scheduler(), safety_checker=None, feature_extractor=processor(), requires_safety_checker=False)
    with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as out:
        pipeline.save_pretrained(f"{source}/sd")
        main_export(f"{source}/sd", f"{out}", task="text-to-image", device="cpu", no_post_process=True, do_validation=False)
        # The whole of CLIP in one graph, as `optimum-cli export onnx --model openai/clip-vit-...` writes it; its embeddings are normalised.
        clip = CLIPModel(CLIPConfig(text_config=text.config.to_dict(), vision_config=vision.config.to_dict(), projection_dim=12)).eval().requires_grad_(False)
        with torch.no_grad():
            seen = clip.visual_projection(clip.vision_model(wave((1, 3, 32, 32), 0)).pooler_output)
        found["imageEncoder"] = {"embedding": places(seen / seen.norm(dim=-1, keepdim=True))}
        clip.save_pretrained(f"{source}/clip")
        processor().save_pretrained(f"{source}/clip")
        tokenizer().save_pretrained(f"{source}/clip")
        main_export(f"{source}/clip", f"{source}/clip-onnx", task="zero-shot-image-classification", device="cpu", library_name="transformers", no_post_process=True, do_validation=False)
        os.makedirs(f"{out}/image_encoder", exist_ok=True)
        for file in pathlib.Path(f"{source}/clip-onnx").iterdir():
            shutil.copy(file, f"{out}/image_encoder/{file.name}")
        pack("optimum", out, found, {"optimum-onnx": optimum.version.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__})


warnings.simplefilter("ignore")
torch.set_num_threads(1)
{"diffusers": by_diffusers, "optimum": by_optimum}[sys.argv[1]]()
