"""Interpolation of a small volume at points, and vertex values spread over a volume, by SciPy and NumPy: projection.json.

From the repository root:  python test/golden/nsd/make.py
linear: scipy.ndimage.map_coordinates, order 1. cubic: separable Catmull-Rom written as matrix products over edge-padded data. wta: one
map_coordinates per label, argmax. spread: scipy.sparse accumulation of (vertex, corner) weights.
"""
import json
import os
import sys

import numpy as np
import scipy
from scipy.ndimage import map_coordinates
from scipy.sparse import coo_matrix

SEED = 20261128
rng = np.random.default_rng(SEED)
shape = (6, 7, 8)
volume = rng.normal(0, 10, shape)
labels = rng.integers(0, 4, shape)
count = 120
points = np.stack([rng.uniform(1, n, count) for n in shape]).astype("f4")
points[:, :4] = np.array([[1, 6, 6, 1], [1, 7, 1, 7], [1, 8, 8, 4.5]])
points[:, 4] = [3, 9999, 3]
points[:, 5] = [0.999, 3, 3]
points[:, 6] = [6.001, 3, 3]
inside = np.all([(points[a] >= 1) & (points[a] <= shape[a]) for a in range(3)], axis=0)
zero = points.astype(float) - 1


def catmull(d):
    return np.array([-d + 2 * d**2 - d**3, 2 - 5 * d**2 + 3 * d**3, d + 4 * d**2 - 3 * d**3, -(d**2) + d**3]) / 2


padded = np.pad(volume, 2, mode="edge")
cubic = np.full(count, np.nan)
for p in np.flatnonzero(inside):
    base = np.floor(zero[:, p]).astype(int)
    wx, wy, wz = [catmull(zero[a, p] - base[a]) for a in range(3)]
    cube = padded[base[0] + 1 : base[0] + 5, base[1] + 1 : base[1] + 5, base[2] + 1 : base[2] + 5]
    cubic[p] = np.einsum("i,j,k,ijk", wx, wy, wz, cube)
linear = np.where(inside, map_coordinates(volume, np.where(inside, zero, 0), order=1, mode="nearest"), np.nan)
votes = np.stack([map_coordinates((labels == v).astype(float), np.where(inside, zero, 0), order=1, mode="nearest") for v in range(4)])
wta = np.where(inside, votes.argmax(0), np.nan)
margin = np.sort(votes, axis=0)[-1] - np.sort(votes, axis=0)[-2]

values = rng.normal(0, 5, count)
marks = rng.integers(1, 4, count)
rows, cols, weights = [], [], []
for v in range(count):
    if (points[:, v] == 9999).any():
        continue
    for corner in range(8):
        at = np.floor(points[:, v].astype(float)).astype(int) + [corner & 1, corner >> 1 & 1, corner >> 2 & 1]
        if (at < 1).any() or (at > shape).any():
            continue
        rows.append(np.ravel_multi_index(tuple(at - 1), shape, order="F"))
        cols.append(v)
        weights.append(np.sum(1 - np.abs(points[:, v].astype(float) - at)))
spread = coo_matrix((weights, (rows, cols)), shape=(np.prod(shape), count)).tocsr()
total = np.asarray(spread.sum(1)).ravel()
with np.errstate(invalid="ignore", divide="ignore"):
    mean = np.where(total > 0, spread @ values / total, np.nan)
by_label = np.stack([np.asarray(spread @ (marks == v)).ravel() for v in (1, 2, 3)])
winner = np.where(total > 0, by_label.argmax(0) + 1, np.nan)


def plain(a):
    return [None if np.isnan(v) else float(v) for v in np.asarray(a, float).ravel(order="F")]


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "projection.json"), "w") as f:
    json.dump({
        "provenance": {"command": "python test/golden/nsd/make.py", "seed": SEED, "python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__},
        "shape": shape, "volume": plain(volume), "labels": plain(labels), "points": [float(v) for v in points.ravel()], "linear": plain(linear), "cubic": plain(cubic),
        "wta": plain(np.where(margin > 1e-6, wta, np.nan)), "decided": [bool(m > 1e-6) for m in margin],
        "values": plain(values), "marks": plain(marks), "mean": plain(mean), "winner": plain(winner),
    }, f, separators=(",", ":"))
