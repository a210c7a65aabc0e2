"""Writes banded.json: himalaya's banded ridge and its KernelRidgeCV at a larger size, on arrays that the tests rebuild from a formula.

python test/golden/ridge/make_banded.py   (himalaya 0.4.11, scikit-learn 1.9.1, NumPy 2.2.6)
"""
import json, pathlib
import himalaya, numpy, sklearn
from himalaya.kernel_ridge import KernelRidgeCV, solve_multiple_kernel_ridge_random_search
from himalaya.scoring import r2_score, r2_score_split
from sklearn.model_selection import PredefinedSplit

def noise(rows, columns, k):
    i, j = numpy.meshgrid(numpy.arange(rows), numpy.arange(columns), indexing="ij")
    v = numpy.abs(numpy.sin(12.9898 * i + 78.233 * j + 37.719 * k)) * 43758.5453
    return (v - numpy.floor(v)) - 0.5

def planted(rows, voxels, targets, new):
    x = noise(rows + new, voxels, 11) * (1 + numpy.arange(voxels) % 3)
    w = noise(voxels, targets, 12) * (numpy.arange(targets) % 8) / 8
    y = x @ w + numpy.sqrt(voxels) / 6 * noise(rows + new, targets, 13)
    x, y = x.astype(numpy.float32).astype(float), y.astype(numpy.float32).astype(float)
    return x[:rows], y[:rows], x[rows:], y[rows:]

out = dict(note=f"made by make_banded.py with himalaya {himalaya.__version__}, scikit-learn {sklearn.__version__}, NumPy {numpy.__version__}")

# 1. Per-target penalties of KernelRidgeCV for 300 targets, with the out-of-fold R2 of the chosen one.
rows, voxels, targets = 120, 180, 300
alphas = numpy.logspace(-1, 4, 10)
x, y, *_ = planted(rows, voxels, targets, 0)
fold_of = numpy.arange(rows) * 5 // rows
# Free intercept: centred inside the folds.
mse_peer = KernelRidgeCV(alphas=alphas, kernel="linear", cv=PredefinedSplit(fold_of), fit_intercept=True).fit(x, y)
out["kernel_ridge"] = dict(rows=rows, voxels=voxels, targets=targets, alphas=alphas.tolist(), chosen=mse_peer.best_alphas_.tolist(), r2=(1 + mse_peer.cv_scores_.ravel() / y.var(0)).tolist())

# 2. Banded ridge with given mixes: three bands, of which one carries nothing for odd targets.
rows, voxels, targets, new = 60, 45, 12, 20
x, y, fresh, truth = planted(rows, voxels, targets, new)
bands = numpy.arange(voxels) % 3
def banded(y, x):
    # Target t is driven by band t % 3 above what all bands bring.
    drive = noise(15, targets, 21)
    return numpy.stack([0.7 * y[:, t] + x[:, bands == t % 3] @ drive[:, t] for t in range(targets)], 1).astype(numpy.float32).astype(float)
y, truth = banded(y, x), banded(truth, fresh)
gammas = numpy.array([[1, 1, 1], [8, 1, 1], [1, 8, 1], [1, 0, 0], [0.2, 0.2, 0.6]], float)
gammas /= gammas.sum(1, keepdims=True)
alphas = numpy.array([0.1, 1, 10, 100, 1000.0])
fold_of = numpy.arange(rows) % 4
mean, ymean = x.mean(0), y.mean(0)
ks = numpy.stack([(x - mean)[:, bands == g] @ (x - mean)[:, bands == g].T for g in range(3)])
# himalaya's solver centres nothing itself with fit_intercept and kernels of centred features; it centres kernels in folds when asked for an intercept.
deltas, dual, scores, intercept = solve_multiple_kernel_ridge_random_search(ks, y, n_iter=gammas, alphas=alphas, cv=PredefinedSplit(fold_of), fit_intercept=True, return_weights="dual", progress_bar=False)
parts = []
for g in range(3):
    k_new = (fresh - mean)[:, bands == g] @ (x - mean)[:, bands == g].T
    parts.append(numpy.exp(deltas[g]) * (k_new @ dual))
parts = numpy.stack(parts)
predictions = parts.sum(0) + intercept
centred, cparts = truth - truth.mean(0), parts - parts.mean(1, keepdims=True)
out["banded"] = dict(rows=rows, voxels=voxels, targets=targets, new=new, mixes=gammas.tolist(), alphas=alphas.tolist(), bands=bands.tolist(), y=y.ravel().tolist(), truth=truth.ravel().tolist(),
    scores=scores.max(0).tolist(), deltas=numpy.where(numpy.isfinite(deltas), deltas, -1e9).ravel().tolist(), predictions=predictions.ravel().tolist(), r2=r2_score(truth, predictions).tolist(),
    centred_split=r2_score_split(centred, cparts).ravel().tolist())
pathlib.Path(__file__).with_name("banded.json").write_text(json.dumps(out) + "\n")
print(sorted(set(out["kernel_ridge"]["chosen"])), numpy.round(out["kernel_ridge"]["r2"][:16], 3), numpy.round(deltas.T[:4], 2), numpy.round(out["banded"]["r2"][:6], 3))
