"""Turns a shipped pack back into trainable networks: restore.py PACK RUN

A pack is its own checkpoint: each of its initialisers is one parameter of the network that was exported, as it is or transposed. Which one is found by
exporting a network of random values through the same code, whose graph has the same names, and looking each of its parameters up there. Ends with a
check: the restored network must say what the shipped graph says.
"""
import json
import os
import shutil
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from export import AXES, Decoder, Encoder, Image, Text, Unet, examples, export
from pack import load_tokenizer, new_clip, new_first_stage, new_unet

# Agreement asked of PyTorch with ONNX Runtime, relative to the largest value: float32 sums in another order.
TOLERANCE = 2e-4


def initialisers(path):
    """Name -> float32 array, of the parameters that a graph holds."""
    graph = onnx.load(path).graph
    return {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT}


def restore(name, module, inner, args, shipped):
    """Copies the parameters of `shipped` into `inner`, the network that `module` exports; those that the graph does not hold stay random."""
    for parameter in inner.parameters():
        # Values that no two parameters share: equal ones are exported once.
        parameter.data = 0.1 * torch.randn_like(parameter)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/network/model.onnx"
        with torch.no_grad():
            export(module, args, path, *AXES[name])
        fresh = initialisers(path)
    given = initialisers(shipped)
    if {k: v.shape for k, v in fresh.items()} != {k: v.shape for k, v in given.items()}:
        raise SystemExit(f"{shipped}: its parameters are not those of a fresh export; restore with the versions of requirements.txt")
    missing = []
    for key, parameter in inner.named_parameters():
        mine = parameter.detach().numpy()
        for held, array in fresh.items():
            if array.shape == mine.shape and np.array_equal(array, mine):
                parameter.data = torch.from_numpy(given[held].copy())
                break
            if array.shape == mine.shape[::-1] and np.array_equal(array.T, mine):
                parameter.data = torch.from_numpy(np.ascontiguousarray(given[held].T))
                break
            if mine.ndim == 1 and array.shape[0] == array.size and np.array_equal(array.ravel(), mine):
                # Group normalisation is exported as an instance norm, then scale and shift of shape [channels, 1, ...].
                parameter.data = torch.from_numpy(given[held].ravel().copy())
                break
        else:
            missing.append(key)
    return missing


def main():
    pack, run = sys.argv[1:3]
    torch.manual_seed(0)
    os.makedirs(run, exist_ok=True)
    shutil.rmtree(f"{run}/tokenizer", ignore_errors=True)
    shutil.copytree(f"{pack}/tokenizer", f"{run}/tokenizer")
    tokenizer = load_tokenizer(f"{run}/tokenizer")
    with open(f"{pack}/pack.json") as file:
        scaling = json.load(file)["roles"]["vaeDecoder"]["scalingFactor"]
    text, vision = new_clip(tokenizer)
    text.set_attn_implementation("eager")
    vision.set_attn_implementation("eager")
    first_stage, unet = new_first_stage(), new_unet()
    first_stage.register_to_config(scaling_factor=scaling)
    networks = {"text_encoder": (Text(text), text), "image_encoder": (Image(vision), vision), "vae_encoder": (Encoder(first_stage), first_stage),
                "vae_decoder": (Decoder(first_stage), first_stage), "unet": (Unet(unet), unet)}
    inputs = examples(tokenizer)
    kept = {}
    for name, (module, inner) in networks.items():
        before = {k: v.detach().clone() for k, v in inner.named_parameters()}
        missing = set(restore(name, module.eval(), inner, tuple(inputs[name].values()), f"{pack}/{name}/model.onnx"))
        if inner is first_stage:
            # Each half of the autoencoder restores its own parameters.
            for key, parameter in inner.named_parameters():
                if key in missing:
                    parameter.data = kept.get(key, before[key])
                else:
                    kept[key] = parameter.detach().clone()
        elif missing:
            raise SystemExit(f"{name}: no initialiser holds {sorted(missing)}")
    if len(kept) != len(list(first_stage.parameters())):
        raise SystemExit(f"first stage: no initialiser holds {sorted({k for k, _ in first_stage.named_parameters()} - set(kept))}")
    for name, (module, _) in networks.items():
        session = onnxruntime.InferenceSession(f"{pack}/{name}/model.onnx", providers=["CPUExecutionProvider"])
        shipped = session.run(None, {k: v.numpy() for k, v in inputs[name].items()})[0]
        with torch.no_grad():
            mine = module.eval()(*inputs[name].values())
        mine = (mine[0] if isinstance(mine, tuple) else mine).numpy()
        worst = float(np.abs(mine - shipped).max() / np.abs(shipped).max())
        print(name, "restored, differs from the shipped graph by", worst, flush=True)
        if worst > TOLERANCE:
            raise SystemExit(f"{name}: expected at most {TOLERANCE}")
    for folder, network in (("text_encoder", text), ("image_encoder", vision), ("vae", first_stage), ("unet", unet)):
        network.save_pretrained(f"{run}/{folder}")


if __name__ == "__main__":
    main()
