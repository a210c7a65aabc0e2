"""Measures a trained demo pack on held-out scenes: evaluate.py DATA RUN [--unet IMAGES] [--sheet PNG]

Prints one JSON object: first-stage PSNR, caption-to-picture retrieval, zero-shot naming of real pictures, and, for pictures that the
UNet makes from held-out captions (DDIM, 50 steps, guidance 4), how often CLIP finds the caption's object and colour in them. Parts are printed to stderr as they come.
"""
import argparse
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from pack import Scenes, clip_pixels, load_tokenizer, normalise_clip, seed_all, token_ids
from train_clip import retrieval
from train_first_stage import object_psnr, psnr
from train_unet import SCHEDULE

CATEGORIES = ["ball", "cube", "cone", "pillar", "ring", "star", "mug", "mushroom"]
COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "white", "black"]
STEPS, GUIDANCE = 50, 4.0


def name_table(text, tokenizer):
    """Text embedding of each of the 64 (colour, category) pairs, the mean over sizes and materials; [64, width], unit length."""
    rows = []
    for colour in COLOURS:
        for category in CATEGORIES:
            prompts = [f"a {size} {material} {colour} {category}" for size in ("small", "large") for material in ("matte", "shiny", "striped")]
            with torch.no_grad():
                rows.append(F.normalize(text(token_ids(tokenizer, prompts)).text_embeds, dim=-1).mean(0))
    return F.normalize(torch.stack(rows), dim=-1)


def named(vision, table, pixels, facts):
    """Shares of pictures whose best (colour, category) pair has the right object, colour, both; `pixels` normalised for CLIP."""
    with torch.no_grad():
        best = (F.normalize(vision(pixels).image_embeds, dim=-1) @ table.T).argmax(1)
    colour = torch.tensor([f["main"]["colourIndex"] for f in facts]) == best // 8
    category = torch.tensor([f["main"]["category"] for f in facts]) == best % 8
    return {"object": category.float().mean().item(), "colour": colour.float().mean().item(), "both": (colour & category).float().mean().item()}


def sample(unet, vae, states, empty, seed, guidance=GUIDANCE, steps=STEPS):
    """Pictures in [0, 1], [n, 3, 128, 128], from caption states."""
    scheduler = DDIMScheduler(**SCHEDULE, set_alpha_to_one=False)
    scheduler.set_timesteps(steps)
    z = torch.randn(len(states), 4, 16, 16, generator=torch.Generator().manual_seed(seed))
    both = torch.cat([empty.expand(len(states), -1, -1), states])
    with torch.no_grad():
        for t in scheduler.timesteps:
            without, with_ = unet(torch.cat([z, z]), t, both).sample.chunk(2)
            z = scheduler.step(without + guidance * (with_ - without), t, z).prev_sample
        return (vae.decode(z / vae.config.scaling_factor).sample.clamp(-1, 1) + 1) / 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("run")
    parser.add_argument("--unet", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=500, help="held-out pictures for the first stage")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    parser.add_argument("--sheet")
    options = parser.parse_args()
    seed_all(20264)
    run, held = options.run, Scenes(options.data, "held-out")
    tokenizer = load_tokenizer(f"{run}/tokenizer")
    text = CLIPTextModelWithProjection.from_pretrained(f"{run}/text_encoder").eval()
    vision = CLIPVisionModelWithProjection.from_pretrained(f"{run}/image_encoder").eval()
    vae = AutoencoderKL.from_pretrained(f"{run}/vae").eval()
    hits = retrieval(text, vision, tokenizer, held)
    table = name_table(text, tokenizer)
    single = [k for k, f in enumerate(held.facts) if "second" not in f]
    report = {"retrievalTop1Of100": {"mean": float(np.mean(hits)), "groups": hits},
              "pictures": options.pictures,
              "firstStagePsnr": psnr(vae, held.images[:options.pictures])[0], "firstStageObjectPsnr": object_psnr(vae, held, options.pictures),
              "zeroShotRealAll": named(vision, table, clip_pixels(held.images), held.facts),
              "zeroShotRealOneObject": named(vision, table, clip_pixels(held.images[single]), [held.facts[k] for k in single])}
    print(json.dumps(report), file=sys.stderr, flush=True)
    if options.unet > 0:
        unet = UNet2DConditionModel.from_pretrained(f"{run}/unet").eval()
        chosen = list(range(options.unet))
        begun = time.time()
        with torch.no_grad():
            states = text(token_ids(tokenizer, [held.captions[k][0] for k in chosen])).last_hidden_state
            mean = torch.stack([text(token_ids(tokenizer, held.captions[k])).last_hidden_state.mean(0) for k in chosen])
            empty = text(token_ids(tokenizer, [""])).last_hidden_state
        for name, condition in (("oneCaption", states), ("meanOfFiveCaptions", mean)):
            pictures = torch.cat([sample(unet, vae, condition[k:k + 25], empty, 100 + k, options.guidance, options.steps) for k in range(0, len(chosen), 25)])
            seen = normalise_clip(F.avg_pool2d(pictures, 2))
            one = [k for k in chosen if k in set(single)]
            report[f"samples {name}"] = {"images": len(chosen), "guidance": options.guidance, "steps": options.steps, "all": named(vision, table, seen, [held.facts[k] for k in chosen]),
                                         "oneObject": {"images": len(one), **named(vision, table, seen[one], [held.facts[k] for k in one])}}
            print(json.dumps(report[f"samples {name}"]), file=sys.stderr, flush=True)
            if options.sheet:
                write_sheet(options.sheet.replace(".png", f"-{name}.png"), held.images[chosen[:32]], pictures[:32])
        report["samplingSeconds"] = time.time() - begun
    print(json.dumps(report, indent=1))


def write_sheet(path, truth, pictures):
    """Rows of real pictures, each above the pictures made from their captions."""
    from PIL import Image
    made = (pictures.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    rows = [np.concatenate(list(part[k:k + 8]), axis=1) for k in range(0, len(made), 8) for part in (truth, made)]
    Image.fromarray(np.concatenate(rows)).save(path)


if __name__ == "__main__":
    main()
