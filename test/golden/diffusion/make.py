"""Writes schedulers.json: timesteps and full loops of diffusers' schedulers on a toy model. Run: python make.py

Sample and noises are waves over the flattened index; the "network" is 0.4 * sample + 0.1 * cos(sample) * t / 1000, in float32.
"""
import json

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, PNDMScheduler

SHAPE = (2, 4, 8, 8)
SIZE = int(np.prod(SHAPE))


def wave(phase, scale=1.0):
    return torch.from_numpy((scale * np.sin(0.61 * np.arange(SIZE) + phase)).astype(np.float32)).reshape(SHAPE)


def toy(sample, t):
    return 0.4 * sample + 0.1 * torch.cos(sample) * (float(t) / 1000)


BASE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing="leading", prediction_type="epsilon")
CASES = [dict(), dict(steps=50, skip=15), dict(eta=0.7), dict(eta=1.0, prediction_type="v_prediction"), dict(prediction_type="v_prediction"), dict(prediction_type="sample"), dict(set_alpha_to_one=True),
         dict(beta_schedule="linear", beta_start=0.0001, beta_end=0.02), dict(timestep_spacing="trailing"), dict(steps_offset=0), dict(steps=25)]
loops = []
for case in CASES:
    options = {**BASE, **{k: v for k, v in case.items() if k not in ("steps", "eta", "skip")}}
    steps, eta, skip = case.get("steps", 10), case.get("eta", 0.0), case.get("skip", 0)
    scheduler = DDIMScheduler(**options)
    scheduler.set_timesteps(steps)
    sample = scheduler.add_noise(wave(0.2), wave(1.3, 1.2), scheduler.timesteps[skip:skip + 1])
    noised = sample.clone()
    for i, t in enumerate(scheduler.timesteps):
        if i < skip:
            continue
        out = scheduler.step(toy(sample, t), t, sample, eta=eta, variance_noise=wave(2.0 + i) if eta > 0 else None)
        sample = out.prev_sample
    flat = sample.double().flatten()
    at = np.linspace(0, SIZE - 1, 16).round().astype(int).tolist()
    loops.append({"scheduler": "ddim", "config": options, "steps": steps, "eta": eta, "skip": skip, "timesteps": scheduler.timesteps.tolist(), "noisedSum": float(noised.double().sum()), "sum": float(flat.sum()),
                  "meanAbs": float(flat.abs().mean()), "at": at, "values": flat[at].tolist(), "lastOriginal": out.pred_original_sample.double().flatten()[at].tolist()})
for case in (dict(), dict(prediction_type="v_prediction"), dict(steps=25), dict(steps=25, skip=8), dict(timestep_spacing="linspace"), dict(prediction_type="sample", timestep_spacing="trailing")):
    # The timesteps of our schedule, so that only the step is compared; the last step lands on the first training level.
    options = {**BASE, **{k: v for k, v in case.items() if k not in ("steps", "skip")}}
    steps, skip = case.get("steps", 10), case.get("skip", 0)
    listed = DDIMScheduler(**options)
    listed.set_timesteps(steps)
    scheduler = DPMSolverMultistepScheduler(**{k: v for k, v in options.items() if k not in ("clip_sample", "set_alpha_to_one")}, algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="sigma_min", euler_at_final=True)
    scheduler.set_timesteps(timesteps=listed.timesteps.tolist())
    sample = listed.add_noise(wave(0.2), wave(1.3, 1.2), listed.timesteps[skip:skip + 1])
    noised = sample.clone()
    scheduler.set_begin_index(skip)
    for t in listed.timesteps[skip:]:
        sample = scheduler.step(toy(sample, t), t, sample).prev_sample
    flat = sample.double().flatten()
    loops.append({"scheduler": "dpm-solver++", "config": options, "steps": steps, "eta": 0.0, "skip": skip, "timesteps": listed.timesteps.tolist(), "noisedSum": float(noised.double().sum()), "sum": float(flat.sum()),
                  "meanAbs": float(flat.abs().mean()), "at": at, "values": flat[at].tolist()})
for case in (dict(), dict(steps=50, skip=15), dict(steps=25, skip=8), dict(steps=3), dict(steps=1), dict(prediction_type="v_prediction"), dict(set_alpha_to_one=True), dict(timestep_spacing="trailing")):
    # The library's own timesteps repeat the second one; a walk that begins later repeats its own second one, as the library does from the start.
    options = {**BASE, **{k: v for k, v in case.items() if k not in ("steps", "skip")}}
    steps, skip = case.get("steps", 10), case.get("skip", 0)
    listed = DDIMScheduler(**options)
    listed.set_timesteps(steps)
    scheduler = PNDMScheduler(**{k: v for k, v in options.items() if k != "clip_sample"}, skip_prk_steps=True)
    scheduler.set_timesteps(steps)
    walked = listed.timesteps.tolist()[skip:]
    calls = walked[:2] + walked[1:]
    if skip == 0:
        assert calls == scheduler.timesteps.tolist(), (calls, scheduler.timesteps)
    sample = listed.add_noise(wave(0.2), wave(1.3, 1.2), listed.timesteps[skip:skip + 1])
    noised = sample.clone()
    for t in calls:
        sample = scheduler.step(toy(sample, t), t, sample).prev_sample
    flat = sample.double().flatten()
    loops.append({"scheduler": "pndm", "config": options, "steps": steps, "eta": 0.0, "skip": skip, "timesteps": listed.timesteps.tolist(), "noisedSum": float(noised.double().sum()), "sum": float(flat.sum()),
                  "meanAbs": float(flat.abs().mean()), "at": at, "values": flat[at].tolist()})
for case in (dict(), dict(steps=50, skip=15), dict(steps=25, skip=8), dict(prediction_type="v_prediction"), dict(timestep_spacing="trailing"), dict(timestep_spacing="linspace")):
    # Its sample is that of the variance-exploding chain; the network is asked about sample / sqrt(sigma^2 + 1), which is ours.
    options = {**BASE, **{k: v for k, v in case.items() if k not in ("steps", "skip")}}
    steps, skip = case.get("steps", 10), case.get("skip", 0)
    listed = DDIMScheduler(**options)
    listed.set_timesteps(steps)
    scheduler = EulerDiscreteScheduler(**{k: v for k, v in options.items() if k not in ("clip_sample", "set_alpha_to_one")})
    scheduler.set_timesteps(steps)
    assert [round(t) for t in scheduler.timesteps.tolist()] == listed.timesteps.tolist(), scheduler.timesteps
    noised = listed.add_noise(wave(0.2), wave(1.3, 1.2), listed.timesteps[skip:skip + 1])
    scheduler.set_begin_index(skip)
    sample = scheduler.add_noise(wave(0.2), wave(1.3, 1.2), scheduler.timesteps[skip:skip + 1])
    for t in scheduler.timesteps[skip:]:
        scaled = scheduler.scale_model_input(sample, t)
        out = scheduler.step(toy(scaled, t), t, sample)
        sample = out.prev_sample
    flat = sample.double().flatten()
    loops.append({"scheduler": "euler", "config": options, "steps": steps, "eta": 0.0, "skip": skip, "timesteps": listed.timesteps.tolist(), "noisedSum": float(noised.double().sum()), "sum": float(flat.sum()),
                  "meanAbs": float(flat.abs().mean()), "at": at, "values": flat[at].tolist(), "lastOriginal": out.pred_original_sample.double().flatten()[at].tolist()})
spacings = []
for spacing in ("leading", "linspace", "trailing"):
    for steps in (1, 7, 10, 25, 50, 999):
        scheduler = DDIMScheduler(**{**BASE, "timestep_spacing": spacing})
        scheduler.set_timesteps(steps)
        spacings.append({"spacing": spacing, "steps": steps, "timesteps": scheduler.timesteps.tolist()})
json.dump({"shape": SHAPE, "loops": loops, "spacings": spacings}, open("schedulers.json", "w"), indent=0)
