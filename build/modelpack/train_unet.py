"""Trains the conditional UNet on latents and caption states of demo scenes: train_unet.py DATA OUT MINUTES [--resume]

Noise prediction under Stable Diffusion v1's schedule, min-SNR weights (Hang et al. 2023, gamma 5), moving average of the
weights. Of the conditions, one in ten is the empty caption (for guidance), three in ten the token-wise mean of the scene's
five captions (what decoding from brain activity aims at), the rest one caption. Latent cells at objects count more: sky and ground, most of a
picture, are learned long before the objects are. The learning rate follows the clock; `--resume` goes on from OUT/unet with a new course of it.
"""
import os
import sys
import time

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextModelWithProjection

from pack import Scenes, load_tokenizer, new_unet, seed_all, token_ids, warm_cosine
from train_first_stage import object_cells, to_input

RATE, GAMMA, DECAY, OBJECT_WEIGHT = 1.2e-3, 5.0, 0.998, 4.0
# Smaller batches train no faster here: a step's fixed cost is that of a dozen rows.
BATCH = 32
EMPTY, MEAN = 0.1, 0.3
SCHEDULE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                steps_offset=1, prediction_type="epsilon")


def encode_all(data, out):
    """Latent means and deviations (scaled) [n, 4, 16, 16] and caption states [n, 5, 24, 96], kept for later runs."""
    path = f"{out}/encoded.pt"
    if os.path.exists(path):
        return torch.load(path)
    train = Scenes(data, "train")
    vae = AutoencoderKL.from_pretrained(f"{out}/vae").eval()
    tokenizer = load_tokenizer(f"{out}/tokenizer")
    means, deviations, states = [], [], []
    with torch.no_grad():
        for k in range(0, len(train), 50):
            posterior = vae.encode(to_input(train.images[k:k + 50])).latent_dist
            means.append(posterior.mean * vae.config.scaling_factor)
            deviations.append(posterior.std * vae.config.scaling_factor)
        text = CLIPTextModelWithProjection.from_pretrained(f"{out}/text_encoder").eval()
        for k in range(0, len(train), 50):
            ids = token_ids(tokenizer, [c for five in train.captions[k:k + 50] for c in five])
            states.append(text(ids).last_hidden_state.view(-1, 5, *text_shape(text)).half())
        empty = text(token_ids(tokenizer, [""])).last_hidden_state
    found = dict(mean=torch.cat(means), deviation=torch.cat(deviations), states=torch.cat(states), empty=empty)
    torch.save(found, path)
    return found


def text_shape(text):
    return text.config.max_position_embeddings, text.config.hidden_size


def main():
    data, out, minutes = sys.argv[1], sys.argv[2], float(sys.argv[3])
    seed_all(20263)
    cells = torch.nn.functional.max_pool2d(object_cells(Scenes(data, "train"))[0][:, None].float(), 2)
    data = encode_all(data, out)
    states, empty = data["states"], data["empty"]
    print("encoded", tuple(states.shape), "latent std", data["mean"].std().item(), "deviation", data["deviation"].mean().item(), flush=True)
    unet = UNet2DConditionModel.from_pretrained(f"{out}/unet").train() if "--resume" in sys.argv else new_unet()
    unet = unet.to(memory_format=torch.channels_last)
    average = {k: v.clone() for k, v in unet.state_dict().items()}
    alphas = DDPMScheduler(**SCHEDULE).alphas_cumprod
    snr = alphas / (1 - alphas)
    weights = torch.minimum(snr, torch.tensor(GAMMA)) / snr
    optimiser = torch.optim.AdamW(unet.parameters(), lr=RATE, weight_decay=0.01, betas=(0.9, 0.98))
    begun, step, seen, shown, kept, losses = time.time(), 0, 0, time.time(), time.time(), []
    order, at = np.random.permutation(len(states)), 0
    while True:
        share = (time.time() - begun) / (60 * minutes)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = RATE * min((step + 1) / 200, warm_cosine(share, 1, 0.01))
        if at + BATCH > len(order):
            order, at = np.random.permutation(len(states)), 0
        rows = torch.from_numpy(order[at:at + BATCH])
        at += BATCH
        seen += BATCH
        z = data["mean"][rows] + data["deviation"][rows] * torch.randn(BATCH, 4, 16, 16)
        c = states[rows, torch.randint(5, (BATCH,))].float()
        draw = torch.rand(BATCH)
        blend = draw < EMPTY + MEAN
        c[blend] = states[rows[blend]].float().mean(1)
        c[draw < EMPTY] = empty
        t = ((torch.randperm(BATCH) + torch.rand(BATCH)) * (1000 / BATCH)).long()
        noise = torch.randn_like(z)
        a = alphas[t].view(-1, 1, 1, 1)
        guess = unet((a.sqrt() * z + (1 - a).sqrt() * noise).contiguous(memory_format=torch.channels_last), t, c).sample
        heed = 1 + OBJECT_WEIGHT * cells[rows]
        error = (guess - noise) ** 2 * (heed / heed.mean((1, 2, 3), keepdim=True))
        loss = (error.mean((1, 2, 3)) * weights[t]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimiser.step()
        step += 1
        decay = min(DECAY, (1 + step) / (20 + step))
        with torch.no_grad():
            now = unet.state_dict()
            torch._foreach_lerp_([average[k] for k in average], [now[k] for k in average], 1 - decay)
        losses.append(loss.item())
        if time.time() - shown > 60:
            shown = time.time()
            print(f"{time.time()-begun:.0f} s step {step} ({seen/(time.time()-begun):.0f}/s) loss {np.mean(losses):.4f}", flush=True)
            losses = []
        if time.time() - kept > 300:
            kept = time.time()
            keep(average, out)
    keep(average, out)
    print("steps", step, "seen", seen, flush=True)


def keep(average, out):
    unet = new_unet()
    unet.load_state_dict(average)
    unet.save_pretrained(f"{out}/unet")


if __name__ == "__main__":
    main()
