"""Trains the first stage (AutoencoderKL) on demo scenes: train_first_stage.py DATA OUT MINUTES [--objects]

Random 64 px crops for most of the time, then whole pictures; squared and absolute error plus a small KL term. `--objects` goes on from
OUT/vae with crops at the objects and their pixels weighted: sky and ground, most of a picture, are learned long before the objects are.
The learning rate follows the clock, so that the run ends on time.
"""
import json
import sys
import time

import numpy as np
import torch
from diffusers import AutoencoderKL

from pack import Scenes, new_first_stage, seed_all, warm_cosine

RATE, OBJECTS_RATE, KL_WEIGHT, WHOLE_FROM, OBJECT_WEIGHT = 2e-3, 1.5e-3, 3e-4, 0.72, 8.0


def to_input(images):
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def psnr(model, images):
    """Mean over pictures of the peak signal-to-noise ratio (peak 1, pictures in [0, 1]), from the posterior mean."""
    values, latents = [], []
    with torch.no_grad():
        for k in range(0, len(images), 20):
            x = to_input(images[k:k + 20])
            z = model.encode(x).latent_dist.mean
            y = model.decode(z).sample.clamp(-1, 1)
            values += (-10 * torch.log10((((x - y) / 2) ** 2).mean((1, 2, 3)))).tolist()
            latents.append(z)
    return float(np.mean(values)), torch.cat(latents)


def object_cells(scenes):
    """bool [n, 32, 32]: 4 x 4 px cells at or beside an object; and the objects' boxes per scene, in [0, 1]."""
    at = torch.from_numpy(np.array(scenes.surfaces)) >= 2
    wide = torch.nn.functional.max_pool2d(at[:, None].float(), 3, 1, 1)[:, 0] > 0
    return wide, [[f[k]["box"] for k in ("main", "second") if k in f] for f in scenes.facts]


def crops_at(boxes, rows):
    """Corners, on the latent grid's step, of 64 px crops that show an object of each scene."""
    tops, lefts = [], []
    for r in rows:
        box = boxes[r][np.random.randint(len(boxes[r]))]
        for low, high, corners in ((box["top"], box["bottom"], tops), (box["left"], box["right"], lefts)):
            centre = 64 * (low + high) + np.random.uniform(-14, 14)
            corners.append(int(np.clip(np.round((centre - 32) / 8) * 8, 0, 64)))
    return tops, lefts


def object_psnr(model, scenes, count):
    """As `psnr`, over the pixels at or beside objects."""
    covered, _ = object_cells(scenes)
    values = []
    with torch.no_grad():
        for k in range(0, count, 20):
            x = to_input(scenes.images[k:k + 20])
            y = model.decode(model.encode(x).latent_dist.mean).sample.clamp(-1, 1)
            inside = covered[k:k + 20].repeat_interleave(4, 1).repeat_interleave(4, 2)[:, None]
            values += (-10 * torch.log10(((((x - y) / 2) ** 2) * inside).sum((1, 2, 3)) / (3 * inside.sum((1, 2, 3))))).tolist()
    return float(np.mean(values))


def main():
    data, out, minutes = sys.argv[1], sys.argv[2], float(sys.argv[3])
    seed_all(20262)
    train, held = Scenes(data, "train"), Scenes(data, "held-out")
    images = np.array(train.images)
    objects = "--objects" in sys.argv
    model = new_first_stage() if not objects else AutoencoderKL.from_pretrained(f"{out}/vae").train()
    top_rate = OBJECTS_RATE if objects else RATE
    covered, boxes = object_cells(train)
    model = model.to(memory_format=torch.channels_last)
    print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=top_rate, weight_decay=1e-4, betas=(0.9, 0.97))
    begun, step, shown = time.time(), 0, time.time()
    seen = 0
    while True:
        share = (time.time() - begun) / (60 * minutes)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = top_rate * min((step + 1) / 100, warm_cosine(share, 1, 0.01))
        if share < WHOLE_FROM:
            # Crops start on the latent grid's step, so that the network sees the same phase as in whole pictures.
            rows = np.random.randint(len(images), size=12)
            tops, lefts = crops_at(boxes, rows) if objects else np.random.choice([0, 8, 16, 24, 32, 40, 48, 56, 64], (2, 12), p=[0.06, 0.08, 0.12, 0.16, 0.16, 0.16, 0.12, 0.08, 0.06])
            batch = np.stack([images[r, t:t + 64, l:l + 64] for r, t, l in zip(rows, tops, lefts)])
            cells = torch.stack([covered[r, t // 4:t // 4 + 16, l // 4:l // 4 + 16] for r, t, l in zip(rows, tops, lefts)])
        else:
            rows = np.random.randint(len(images), size=4)
            batch, cells = images[rows], covered[rows]
        x = to_input(batch).contiguous(memory_format=torch.channels_last)
        posterior = model.encode(x).latent_dist
        y = model.decode(posterior.sample()).sample
        error = y - x
        kl = 0.5 * (posterior.mean ** 2 + posterior.var - 1 - posterior.logvar).mean()
        weight = 1 + OBJECT_WEIGHT * cells[:, None].repeat_interleave(4, 2).repeat_interleave(4, 3).float() if objects else torch.ones(1)
        weight = weight / weight.mean()
        loss = (weight * error ** 2).mean() + 0.3 * (weight * error.abs()).mean() + KL_WEIGHT * kl
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        seen += len(x) * x.shape[-1] ** 2 / 128 ** 2
        if time.time() - shown > 60:
            shown = time.time()
            model.eval()
            quality, latents = psnr(model, held.images[:40])
            inside = object_psnr(model, held, 40)
            model.train()
            print(f"{time.time()-begun:.0f} s step {step} (pictures {seen:.0f}) loss {loss.item():.4f} kl {kl.item():.2f} "
                  f"held-out PSNR {quality:.2f} dB, objects {inside:.2f} dB, latent std {latents.std().item():.3f} "
                  f"sigma {posterior.std.mean().item():.3f}", flush=True)
            model.save_pretrained(f"{out}/vae")
    model.eval()
    quality, _ = psnr(model, held.images)
    inside = object_psnr(model, held, 500)
    _, latents = psnr(model, train.images[:500])
    model.register_to_config(scaling_factor=1 / latents.std().item())
    model.save_pretrained(f"{out}/vae")
    print("steps", step, "pictures", seen, "held-out PSNR (500)", quality, "of objects", inside, "scaling", model.config.scaling_factor, flush=True)
    with open(f"{out}/first-stage.json", "w") as file:
        json.dump({"psnr": quality, "objectPsnr": inside, "steps": step, "scalingFactor": model.config.scaling_factor}, file)


if __name__ == "__main__":
    main()
