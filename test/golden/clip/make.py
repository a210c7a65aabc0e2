"""Writes the CLIP goldens: a small byte-level BPE, token ids of odd strings, and preprocessed pictures. Run: python make.py

A CLIP BPE is trained here on the sentences below (tokenizers, end-of-word suffix), so that words take several merges; ids come from
transformers' CLIPTokenizer. Pictures are smooth formulas plus integer hash noise, resized by Pillow.
"""
import json

import numpy as np
from PIL import Image
from tokenizers import Tokenizer, models, trainers
from transformers import CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

START, END = "<|startoftext|>", "<|endoftext|>"
CORPUS = """a man riding a wave on top of a surfboard . a large brown bear walking across a lush green field . two people standing in the snow with skis
the kitchen has a stove , a refrigerator and wooden cabinets . an airplane flying over the runway at the airport in the evening light
don't stop it's they're we've i'm you'll she'd a zebra grazing in the grasslands near another zebra thousands of windows
a woman holding a tennis racquet on a tennis court three cats sleeping together on the couch beside the remote controllers
café naïve façade über straße señor москва россия ελλάδα 東京 日本 한국 العربية 1 2 3 4 5 6 7 8 9 0 ! ? ... -- :) <3""".split()
kept = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
table, spare = {b: chr(b) for b in kept}, 0
for b in range(256):
    if b not in table:
        table[b] = chr(256 + spare)
        spare += 1
letters = [table[b] for b in kept] + [table[b] for b in range(256) if b not in kept]
words = [[table[b] for b in word.encode()] for word in CORPUS for _ in range(3)]
spelled = [tuple(w[:-1]) + (w[-1] + "</w>",) for w in words]
merges = []
for _ in range(400):
    pairs = {}
    for parts in spelled:
        for pair in zip(parts, parts[1:]):
            pairs[pair] = pairs.get(pair, 0) + 1
    if not pairs:
        break
    best = max(sorted(pairs), key=lambda pair: pairs[pair])
    merges.append(best)
    merged = []
    for parts in spelled:
        out, i = [], 0
        while i < len(parts):
            if parts[i:i + 2] == best:
                out.append(parts[i] + parts[i + 1])
                i += 2
            else:
                out.append(parts[i])
                i += 1
        merged.append(tuple(out))
    spelled = merged
vocabulary = list(dict.fromkeys(letters + [letter + "</w>" for letter in letters] + [a + b for a, b in merges] + [START, END]))
json.dump({token: i for i, token in enumerate(vocabulary)}, open("vocab.json", "w"), ensure_ascii=False)
open("merges.txt", "w").write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
json.dump(special, open("special_tokens_map.json", "w"))

STRINGS = [
    "", " ", "a", "a photo of a cat", "A PHOTO of a Cat", "  a   photo \n\t of a  cat  ", "two people standing in the snow with skis.", "a man riding a wave on top of a surfboard",
    "don't stop", "it's", "they're we've I'm you'll she'd", "rock'n'roll", "'s", "'''", "o'clock 'tis the season's", "cats' toys", "IT'S LOUD", "can\u2019t", "1", "12345", "3.14159", "1,000,000", "v1.5", "2nd 3rd", "50%",
    "\u00bd cup", "x\u00b2", "\u2167", "\u0663\u0664", "hello, world!", "wait...what?!", "a--b", "a_b_c", "#hashtag @user", "$5.00", "(parentheses) [brackets] {braces}", "email@example.com", "https://example.com/a?b=c&d=e",
    "caf\u00e9", "cafe\u0301", "na\u00efve fa\u00e7ade", "\u00dcBER STRASSE stra\u00dfe", "\u041c\u043e\u0441\u043a\u0432\u0430", "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1", "\u03a3\u039f\u03a6\u039f\u03a3", "\u0130stanbul", "\u6771\u4eac\u30bf\u30ef\u30fc", "\ud55c\uad6d\uc5b4",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\u0939\u093f\u0928\u094d\u0926\u0940", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "\u2764\ufe0f", "a\u00a0b", "a\u3000b", "a\u200bb", "a\u0085b", "a\ufeffb", "\u201cquoted\u201d \u2014 dash",
    "tab\tseparated", "line\r\nbreak", "\u212b \u2126", "\ufb01ne", "\uff21\uff22", "\u0001control", "a\u0000b", "<|startoftext|>", "a <|endoftext|> b", "< | endoftext | >", "a photo<|startoftext|>of", "<|STARTOFTEXT|>", "!<|endOFtext|>!", "&amp; &lt;b&gt;", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "a large brown bear walking across a lush green field with thousands of windows and another zebra grazing in the grasslands near the airport",
    "the quick brown fox " * 12,
]
tokenizer = CLIPTokenizer.from_pretrained(".", model_max_length=77)
cases = []
for text in STRINGS:
    cases.append({"text": text, "ids": tokenizer(text).input_ids,
                  "padded": tokenizer(text, padding="max_length", max_length=15, truncation=True).input_ids})
json.dump({"context": 15, "cases": cases}, open("tokens.json", "w"), ensure_ascii=True, indent=0)


def picture(height, width, seed):
    """uint8: round(clamp(128 + 90 sin(x/9 + c) cos(y/7) + noise)) with noise from a 32-bit hash; rebuilt by the test."""
    k = np.arange(height * width * 3, dtype=np.uint64)
    c, x, y = k % 3, (k // 3) % width, k // (3 * width)
    noise = ((k * 2654435761 + seed) % 4294967296 >> 24).astype(np.float64) - 128
    value = 128 + 90 * np.sin(x / 9 + c) * np.cos(y / 7) + 0.3 * noise
    return np.clip(np.floor(value + 0.5), 0, 255).astype(np.uint8).reshape(height, width, 3)


pictures = []
for height, width, seed in ((128, 128, 1), (425, 425, 2), (40, 61, 3), (97, 64, 4), (64, 64, 5), (30, 30, 6)):
    source = Image.fromarray(picture(height, width, seed))
    for mode, name in ((Image.BICUBIC, "bicubic"), (Image.BILINEAR, "bilinear")):
        for side in (64, 32, 90):
            # Shape kept: where an axis shrinks much more than the other, Pillow 13 reverses the order of its passes (12 and before never do).
            size = (height * side // min(height, width), width * side // min(height, width))
            out = np.asarray(source.resize((size[1], size[0]), mode))
            at = np.linspace(0, out.size - 1, 40).round().astype(int)
            pictures.append({"height": height, "width": width, "seed": seed, "resample": name, "to": list(size), "sum": int(out.astype(np.int64).sum()), "at": at.tolist(), "values": out.ravel()[at].tolist()})
processed = []
for height, width, seed, resample in ((128, 128, 1, 3), (40, 61, 3, 3), (97, 64, 4, 2), (425, 300, 7, 3)):
    processor = CLIPImageProcessorPil(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}, resample=resample)
    out = processor(Image.fromarray(picture(height, width, seed)), return_tensors="np").pixel_values[0].astype(np.float64)
    at = np.linspace(0, out.size - 1, 40).round().astype(int)
    processed.append({"height": height, "width": width, "seed": seed, "resample": "bicubic" if resample == 3 else "bilinear", "shape": list(out.shape), "mean": float(out.mean()), "at": at.tolist(), "values": out.ravel()[at].tolist()})
json.dump({"resized": pictures, "processed": processed}, open("pictures.json", "w"), indent=0)
