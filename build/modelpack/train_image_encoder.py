"""Trains the picture encoder further, for shape: train_image_encoder.py DATA OUT MINUTES [--captions]

Without `--captions` the caption transformer stays as it is and only its projection moves; with it both towers are trained. Beside the losses of
train_clip.py, heads on the patch tokens tell which of each patch's 4 x 4 cells an object covers, so that outlines are learned early.
"""
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from evaluate import name_table, named
from pack import ATTRIBUTES, CLIP_MEAN, CLIP_STD, CONTEXT, Scenes, clip_pixels, load_tokenizer, seed_all, token_ids, warm_cosine
from train_clip import patch_labels, retrieval

BATCH, RATE = 96, 1.2e-3
# How much each attribute's head counts (category and colour are what pictures are named by).
WEIGHTS = (4.0, 2.0, 1.0, 0.5, 0.5, 0.5, 0.3, 0.3, 1.5, 1.0)


def cell_labels(scenes):
    """float32 [n, 64, 32]: of each 8 x 8 patch's sixteen cells, which show the main object, then which show the second."""
    cells = torch.from_numpy(np.array(scenes.surfaces)).view(-1, 8, 4, 8, 4).permute(0, 1, 3, 2, 4).reshape(-1, 64, 16)
    return torch.cat([cells == 2, cells == 3], -1)


def main():
    data, out, minutes = sys.argv[1], sys.argv[2], float(sys.argv[3])
    seed_all(20265)
    train, held = Scenes(data, "train"), Scenes(data, "held-out")
    tokenizer = load_tokenizer(f"{out}/tokenizer")
    text = CLIPTextModelWithProjection.from_pretrained(f"{out}/text_encoder").eval()
    vision = CLIPVisionModelWithProjection.from_pretrained(f"{out}/image_encoder").train()
    captions = "--captions" in sys.argv
    text.requires_grad_(captions)
    ids, pooled = [], []
    with torch.no_grad():
        for k in range(0, len(train), 100):
            ids.append(token_ids(tokenizer, [c for five in train.captions[k:k + 100] for c in five]).view(-1, 5, CONTEXT))
            if not captions:
                ends = (ids[-1] == tokenizer.eos_token_id).int().argmax(2)
                states = text(ids[-1].flatten(0, 1)).last_hidden_state.view(-1, 5, CONTEXT, text.config.hidden_size)
                pooled.append(states.gather(2, ends[..., None, None].expand(-1, -1, 1, states.shape[-1]))[:, :, 0])
    ids, pooled = torch.cat(ids), torch.cat(pooled) if pooled else None
    text.text_projection.requires_grad_(True)
    attributes, patches, cells = train.attributes(), patch_labels(train), cell_labels(train)
    half = torch.from_numpy(np.array(train.images)).view(-1, 64, 2, 64, 2, 3).float().mean((2, 4)).byte()
    single = [k for k in range(500) if "second" not in held.facts[k]]
    mean, std = torch.tensor(CLIP_MEAN).view(1, 3, 1, 1), torch.tensor(CLIP_STD).view(1, 3, 1, 1)
    scale = torch.nn.Parameter(torch.tensor(np.log(30), dtype=torch.float32))
    heads = torch.nn.ModuleList([torch.nn.Linear(64, n) for n in ATTRIBUTES])
    text_heads = torch.nn.ModuleList([torch.nn.Linear(64, n) for n in ATTRIBUTES])
    patch_heads = torch.nn.ModuleList([torch.nn.Linear(96, 9) for _ in range(4)])
    cell_heads = torch.nn.ModuleList([torch.nn.Linear(96, 32) for _ in range(2)])
    parts = torch.nn.ModuleList([vision, heads, text_heads, patch_heads, cell_heads, text if captions else text.text_projection])
    optimiser = torch.optim.AdamW([*parts.parameters(), scale], lr=RATE, weight_decay=0.02, betas=(0.9, 0.98))
    weight = torch.tensor([1.0] * 8 + [0.25])
    begun, step, shown = time.time(), 0, time.time()
    order, at = np.random.permutation(len(train)), 0
    while True:
        share = (time.time() - begun) / (60 * minutes)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = RATE * min((step + 1) / 100, warm_cosine(share, 1, 0.01))
        if at + BATCH > len(order):
            order, at = np.random.permutation(len(train)), 0
        rows = torch.from_numpy(order[at:at + BATCH])
        at += BATCH
        x = half[rows].permute(0, 3, 1, 2).float() / 255
        x = (x * (1 + 0.08 * torch.randn(BATCH, 1, 1, 1)) + 0.03 * torch.randn(BATCH, 1, 1, 1)).clamp(0, 1)
        if step % 2 == 0:
            x = x + 0.03 * torch.randn_like(x)
        seen = vision((x - mean) / std, output_hidden_states=True)
        i = F.normalize(seen.image_embeds, dim=-1)
        which_caption = torch.randint(5, (BATCH,))
        t = text(ids[rows, which_caption]).text_embeds if captions else text.text_projection(pooled[rows, which_caption])
        t = F.normalize(t, dim=-1)
        logits = i @ t.T * scale.exp().clamp(max=60)
        own = torch.arange(BATCH)
        contrast = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        told = [F.cross_entropy(h(8 * i), attributes[rows, k]) for k, h in enumerate(heads)]
        said = sum(F.cross_entropy(h(8 * t), attributes[rows, k]) * w for k, (h, w) in enumerate(zip(text_heads, WEIGHTS))) / sum(WEIGHTS)
        dense = sum(F.cross_entropy(patch_heads[k](seen.hidden_states[layer][:, 1:]).flatten(0, 1), patches[rows][..., which].flatten(), weight=weight)
                    for k, (layer, which) in enumerate(((6, 0), (6, 1), (4, 0), (4, 1)))) / 4
        outline = sum(F.binary_cross_entropy_with_logits(cell_heads[k](seen.hidden_states[layer][:, 1:]), cells[rows].float())
                      for k, layer in enumerate((2, 4)))
        loss = contrast + 1.5 * sum(w * l for w, l in zip(WEIGHTS, told)) / sum(WEIGHTS) + 0.5 * said + 1.5 * dense + 3 * outline
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parts.parameters(), 1.0)
        optimiser.step()
        step += 1
        if time.time() - shown > 60:
            shown = time.time()
            vision.eval()
            hits = retrieval(text, vision, tokenizer, held, 1)
            real = named(vision, name_table(text, tokenizer), clip_pixels(held.images[single]), [held.facts[k] for k in single])
            vision.train()
            print(f"{time.time()-begun:.0f} s step {step} ({step*BATCH/(time.time()-begun):.0f}/s) contrast {contrast.item():.3f} category {told[0].item():.3f} "
                  f"colour {told[1].item():.3f} said {said.item():.3f} dense {dense.item():.3f} outline {outline.item():.3f} top-1 {hits} zero-shot {real}", flush=True)
            save(text, vision, f"{out}")
    save(text, vision, out)
    vision.eval()
    print("steps", step, "seen", step * BATCH, "retrieval", retrieval(text, vision, tokenizer, held), flush=True)


def save(text, vision, out):
    text.save_pretrained(f"{out}/text_encoder")
    vision.save_pretrained(f"{out}/image_encoder")


if __name__ == "__main__":
    main()
