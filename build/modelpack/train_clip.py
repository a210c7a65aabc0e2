"""Trains the caption and picture encoders (CLIP) on demo scenes: train_clip.py DATA OUT MINUTES

Contrastive loss over the batch, plus classification heads that are dropped at export: the scene's attributes from both
embeddings, and category and colour from each patch token. The learning rate follows the clock, so that the run ends on time.
"""
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from pack import (ATTRIBUTES, CLIP_PIXELS, Scenes, clip_pixels, load_tokenizer, new_clip, seed_all, token_ids, warm_cosine,
                  write_tokenizer)

BATCH, RATE = 96, 1.5e-3


def patch_labels(scenes):
    """int64 [n, 64, 2]: category and colour (8 = no object) of what fills at least a fifth of each 8 x 8 patch."""
    surfaces = torch.from_numpy(np.array(scenes.surfaces)).view(-1, 8, 4, 8, 4)
    main = (surfaces == 2).float().mean((2, 4)).flatten(1)
    second = (surfaces == 3).float().mean((2, 4)).flatten(1)
    a = scenes.attributes()
    labels = torch.full((*main.shape, 2), 8)
    for k, (m, s) in enumerate(((0, 8), (1, 9))):
        labels[..., k] = torch.where(second > 0.2, a[:, s, None], labels[..., k])
        labels[..., k] = torch.where(main > 0.2, a[:, m, None], labels[..., k])
    return labels


def retrieval(text, vision, tokenizer, scenes, groups=5, size=100):
    """Share of held-out captions whose own picture is the nearest among `size`; the first caption of each scene."""
    hits = []
    with torch.no_grad():
        for g in range(groups):
            at = slice(g * size, (g + 1) * size)
            i = F.normalize(vision(clip_pixels(scenes.images[at])).image_embeds, dim=-1)
            t = F.normalize(text(token_ids(tokenizer, [c[0] for c in scenes.captions[at]])).text_embeds, dim=-1)
            hits.append(((t @ i.T).argmax(1) == torch.arange(size)).float().mean().item())
    return hits


def main():
    data, out, minutes = sys.argv[1], sys.argv[2], float(sys.argv[3])
    seed_all(20261)
    train, held = Scenes(data, "train"), Scenes(data, "held-out")
    write_tokenizer(f"{out}/tokenizer", [c for five in train.captions for c in five])
    tokenizer = load_tokenizer(f"{out}/tokenizer")
    ids = token_ids(tokenizer, [c for five in train.captions for c in five]).view(len(train), 5, -1)
    attributes, patches = train.attributes(), patch_labels(train)
    half = torch.from_numpy(np.array(train.images)).view(-1, 64, 2, 64, 2, 3).float().mean((2, 4)).byte()
    held_attributes = held.attributes()
    text, vision = new_clip(tokenizer)
    scale = torch.nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))
    image_heads = torch.nn.ModuleList([torch.nn.Linear(64, n) for n in ATTRIBUTES])
    text_heads = torch.nn.ModuleList([torch.nn.Linear(64, n) for n in ATTRIBUTES])
    patch_heads = torch.nn.ModuleList([torch.nn.Linear(96, 9) for _ in range(4)])
    parts = torch.nn.ModuleList([text, vision, image_heads, text_heads, patch_heads])
    print("parameters", sum(p.numel() for p in text.parameters()), sum(p.numel() for p in vision.parameters()), flush=True)
    optimiser = torch.optim.AdamW([*parts.parameters(), scale], lr=RATE, weight_decay=0.02, betas=(0.9, 0.98))
    weight = torch.tensor([1.0] * 8 + [0.25])
    begun, step, shown = time.time(), 0, time.time()
    order, at = np.random.permutation(len(train)), 0
    while True:
        share = (time.time() - begun) / (60 * minutes)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(warm_cosine(step, 1, 100) if step < 100 else 1, warm_cosine(share, 1, 0.02))
        if at + BATCH > len(order):
            order, at = np.random.permutation(len(train)), 0
        rows = torch.from_numpy(order[at:at + BATCH])
        at += BATCH
        x = half[rows].permute(0, 3, 1, 2).float() / 255
        x = (x + 0.04 * torch.randn(BATCH, 1, 1, 1)).clamp(0, 1)
        from_pixels = (x - MEAN) / STD
        seen = vision(from_pixels, output_hidden_states=True)
        said = text(ids[rows, torch.randint(5, (BATCH,))])
        i, t = F.normalize(seen.image_embeds, dim=-1), F.normalize(said.text_embeds, dim=-1)
        logits = i @ t.T * scale.exp().clamp(max=60)
        own = torch.arange(BATCH)
        contrast = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        named = sum(F.cross_entropy(h(6 * i), attributes[rows, k]) for k, h in enumerate(image_heads)) / len(ATTRIBUTES)
        told = sum(F.cross_entropy(h(6 * t), attributes[rows, k]) for k, h in enumerate(text_heads)) / len(ATTRIBUTES)
        dense = 0
        for k, (layer, which) in enumerate(((6, 0), (6, 1), (3, 0), (3, 1))):
            guess = patch_heads[k](seen.hidden_states[layer][:, 1:])
            dense = dense + F.cross_entropy(guess.flatten(0, 1), patches[rows][..., which].flatten(), weight=weight) / 4
        loss = contrast + 1.0 * named + 0.5 * told + 1.0 * dense
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parts.parameters(), 1.0)
        optimiser.step()
        step += 1
        if time.time() - shown > 45:
            shown = time.time()
            parts.eval()
            hits = retrieval(text, vision, tokenizer, held, 1)
            with torch.no_grad():
                e = F.normalize(vision(clip_pixels(held.images[:200])).image_embeds, dim=-1)
                right = [(h(6 * e).argmax(1) == held_attributes[:200, k]).float().mean().item() for k, h in enumerate(image_heads)]
            parts.train()
            print(f"{time.time()-begun:.0f} s step {step} ({step*BATCH/(time.time()-begun):.0f}/s) contrast {contrast.item():.3f} "
                  f"named {named.item():.3f} told {told.item():.3f} dense {dense.item():.3f} top-1 {hits} "
                  f"heads {[round(r, 2) for r in right]}", flush=True)
            text.save_pretrained(f"{out}/text_encoder")
            vision.save_pretrained(f"{out}/image_encoder")
    text.save_pretrained(f"{out}/text_encoder")
    vision.save_pretrained(f"{out}/image_encoder")
    parts.eval()
    print("steps", step, "seen", step * BATCH, "retrieval top-1 of 100", retrieval(text, vision, tokenizer, held), flush=True)


from pack import CLIP_MEAN, CLIP_STD  # noqa: E402
MEAN = torch.tensor(CLIP_MEAN).view(1, 3, 1, 1)
STD = torch.tensor(CLIP_STD).view(1, 3, 1, 1)
if __name__ == "__main__":
    main()
