"""What the training programs of the demo pack share: data, tokeniser, and the sizes of the four networks."""
import json
import os
import random

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import (CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionConfig,
                          CLIPVisionModelWithProjection)

CONTEXT = 24          # tokens of a caption, with start, end and padding
CLIP_PIXELS = 64
PIXELS = 128
TEXT_WIDTH = 96
START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class Scenes:
    """One split that build/modelpack/scenes.ts wrote."""

    def __init__(self, folder, split):
        self.images = np.load(f"{folder}/{split}-images.npy", mmap_mode="r")
        self.surfaces = np.load(f"{folder}/{split}-surfaces.npy", mmap_mode="r")
        with open(f"{folder}/{split}-scenes.jsonl") as file:
            lines = [json.loads(line) for line in file]
        self.captions = [line["captions"] for line in lines]
        self.facts = [line["facts"] for line in lines]

    def __len__(self):
        return len(self.captions)

    def attributes(self):
        """int64 [n, 10]: category, colour, material, size, place, depth, ground, light, second category, second colour."""
        rows = []
        for f in self.facts:
            m, s = f["main"], f.get("second")
            rows.append([m["category"], m["colourIndex"], m["material"], m["sizeIndex"], m["place"], m["depthIndex"],
                         f["ground"], f["light"], s["category"] if s else 8, s["colourIndex"] if s else 8])
        return torch.tensor(rows)


ATTRIBUTES = (8, 8, 3, 2, 3, 2, 4, 3, 9, 9)


def seed_all(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def bytes_to_unicode():
    """The printable stand-in of each byte, as in CLIP's byte-level BPE."""
    kept = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {b: chr(b) for b in kept}
    spare = 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + spare)
            spare += 1
    return table


def write_tokenizer(folder, captions):
    """A genuine CLIP BPE: bytes, bytes that end a word, then merges learned until every caption word is one token."""
    counts = {}
    for caption in captions:
        for word in caption.split(" "):
            counts[word] = counts.get(word, 0) + 1
    spelled = {word: tuple(word[:-1]) + (word[-1] + "</w>",) for word in sorted(counts)}
    merges = []
    while any(len(parts) > 1 for parts in spelled.values()):
        pairs = {}
        for word, parts in spelled.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] = pairs.get(pair, 0) + counts[word]
        best = max(sorted(pairs), key=lambda pair: pairs[pair])
        merges.append(best)
        for word, parts in spelled.items():
            merged, i = [], 0
            while i < len(parts):
                if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                    merged.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            spelled[word] = tuple(merged)
    letters = list(bytes_to_unicode().values())
    tokens = letters + [letter + "</w>" for letter in letters] + [a + b for a, b in merges] + [START, END]
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/vocab.json", "w") as file:
        json.dump({token: i for i, token in enumerate(tokens)}, file, ensure_ascii=False)
    with open(f"{folder}/merges.txt", "w") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    with open(f"{folder}/special_tokens_map.json", "w") as file:
        json.dump(special, file, indent=2)
    with open(f"{folder}/tokenizer_config.json", "w") as file:
        json.dump({**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT, "do_lower_case": True,
                   "add_prefix_space": False, "errors": "replace"}, file, indent=2)


def load_tokenizer(folder):
    return CLIPTokenizer.from_pretrained(folder)


def token_ids(tokenizer, captions):
    """int64 [captions, CONTEXT], padded with the end token."""
    return tokenizer(captions, padding="max_length", max_length=CONTEXT, truncation=True, return_tensors="pt").input_ids


def new_clip(tokenizer):
    text = CLIPTextModelWithProjection(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH, num_hidden_layers=3,
        num_attention_heads=4, max_position_embeddings=CONTEXT, projection_dim=64, hidden_act="quick_gelu",
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))
    vision = CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=96, intermediate_size=384, num_hidden_layers=6, num_attention_heads=4, image_size=CLIP_PIXELS,
        patch_size=8, projection_dim=64, hidden_act="quick_gelu"))
    return text, vision


def new_first_stage():
    kind = dict(down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    return AutoencoderKL(in_channels=3, out_channels=3, block_out_channels=(12, 24, 48, 64), layers_per_block=1,
                         latent_channels=4, norm_num_groups=4, sample_size=PIXELS, **kind)


def new_unet():
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(32, 64, 96),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH, attention_head_dim=4, norm_num_groups=8)


def clip_pixels(images):
    """uint8 [n, 128, 128, 3] -> normalised float32 [n, 3, 64, 64]; halving is the mean of 2 x 2 pixels."""
    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    return normalise_clip(torch.nn.functional.avg_pool2d(x, 2))


def normalise_clip(x):
    mean = torch.tensor(CLIP_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(CLIP_STD).view(1, 3, 1, 1)
    return (x - mean) / std


def warm_cosine(step, steps, warm):
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(1, (step - warm) / max(1, steps - warm))))
