"""Peer of the vjp benchmark: diffusers' UNet in PyTorch eager, forward and gradient with respect to sample and context, weights frozen.

usage: vjp.py FOLDER BATCH SIDE TOKENS RUNS THREADS SCRATCH

The full-size UNet has the weights of sdv1_export.py's seed, so its gradients must be ours (SCRATCH/*.f32): cosine and relative error are printed.
"""
import json
import os
import resource
import sys
import time

# Threads that spin while they wait would count as work on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
folder, batch, side, tokens, runs, threads, scratch = sys.argv[1], *map(int, sys.argv[2:7]), sys.argv[7]
try:
    import numpy as np
    import torch
    from diffusers import UNet2DConditionModel
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit(0)

sys.path.insert(0, os.path.dirname(__file__))
from sdv1_export import seeded_unet  # noqa: E402

torch.set_num_threads(threads)
config = {k: v for k, v in json.load(open(f"{folder}/unet/config.json")).items() if not k.startswith("_")}
unet = seeded_unet(config)


def wave(shape, function, step, phase):
    return torch.from_numpy(function(step * np.arange(int(np.prod(shape))) + phase).reshape(shape).astype(np.float32))


sample = wave((batch, 4, side, side), np.sin, 0.37, 0).requires_grad_(True)
context = wave((batch, tokens, config["cross_attention_dim"]), np.sin, 0.37, 2).requires_grad_(True)
cotangent = wave((batch, 4, side, side), np.cos, 0.61, 0)
wall, cpu = [], []
for _ in range(runs):
    start, used = time.perf_counter(), time.process_time()
    out = unet(sample, torch.tensor([501]), context, return_dict=False)[0]
    found = torch.autograd.grad((out * cotangent).sum(), [sample, context])
    wall.append(time.perf_counter() - start)
    cpu.append(time.process_time() - used)
checks = {"PyTorch CPU s (median)": sorted(cpu)[len(cpu) // 2], "PyTorch peak resident, GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}
if config["block_out_channels"][-1] == 1280:
    for name, theirs in (("sample", found[0]), ("encoder_hidden_states", found[1])):
        ours = torch.from_numpy(np.fromfile(f"{scratch}/{name}.f32", dtype=np.float32)).double()
        theirs = theirs.double().ravel()
        checks[f"{name}: 1 - cosine"] = float(1 - torch.dot(ours, theirs) / ours.norm() / theirs.norm())
        checks[f"{name}: relative error"] = float((ours - theirs).norm() / theirs.norm())
print(json.dumps({"timings": {"PyTorch eager": wall}, "checks": checks}))
