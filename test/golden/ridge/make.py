"""Writes ridge.json: scikit-learn's and himalaya's answers on arrays that the test rebuilds from a formula.

python test/golden/ridge/make.py   (scikit-learn 1.9.1, himalaya 0.4.11, NumPy 2.4.6)
"""
import json, pathlib
import himalaya, numpy, sklearn
from himalaya.kernel_ridge import KernelRidgeCV
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ALPHAS = numpy.array([0.1, 1, 3, 10, 30, 100, 300, 1000, 10000.0])
TARGETS, NEW = 8, 7

def noise(rows, columns, k):
    i, j = numpy.meshgrid(numpy.arange(rows), numpy.arange(columns), indexing="ij")
    v = numpy.abs(numpy.sin(12.9898 * i + 78.233 * j + 37.719 * k)) * 43758.5453
    return (v - numpy.floor(v)) - 0.5

def data(rows, voxels):
    x = noise(rows + NEW, voxels, 1) * (1 + numpy.arange(voxels) % 5) + 3 + numpy.arange(voxels) % 7
    w = noise(voxels, TARGETS, 2)
    signal = (x - x.mean(0)) @ w
    y = signal * (numpy.arange(TARGETS) / 2) + 4 * numpy.sqrt(voxels / 12) * noise(rows + NEW, TARGETS, 3) + 50
    x, y = x.astype(numpy.float32).astype(float), y.astype(numpy.float32).astype(float)
    return x[:rows], y[:rows], x[rows:]

def cross_validated(model, x, y, fold_of):
    losses = []
    for a in ALPHAS:
        per_fold = []
        for f in range(fold_of.max() + 1):
            test = fold_of == f
            p = model(a).fit(x[~test], y[~test]).predict(x[test])
            per_fold.append(((p - y[test]) ** 2).mean(0))
        losses.append(numpy.mean(per_fold, 0))
    return numpy.array(losses)

def case(rows, voxels, scaled):
    x, y, new = data(rows, voxels)
    fold_of = (numpy.arange(rows) * 7 // 3) % 4
    model = (lambda a: make_pipeline(StandardScaler(), Ridge(a, solver="cholesky"))) if scaled else (lambda a: Ridge(a, solver="cholesky"))
    losses = cross_validated(model, x, y, fold_of)
    best = losses.argmin(0)
    predictions = numpy.stack([model(ALPHAS[b]).fit(x, y[:, t]).predict(new) for t, b in enumerate(best)], 1)
    out = dict(rows=rows, voxels=voxels, standardise="zscore" if scaled else "none", losses=losses.ravel().tolist(), chosen=best.tolist(), predictions=predictions.ravel().tolist())
    if not scaled:
        peer = KernelRidgeCV(alphas=ALPHAS, kernel="linear", cv=PredefinedSplit(fold_of), fit_intercept=True, Y_in_cpu=False).fit(x, y)
        out["himalaya"] = dict(alphas=numpy.asarray(peer.best_alphas_).ravel().tolist(), predictions=numpy.asarray(peer.predict(new)).ravel().tolist())
        loo = RidgeCV(alphas=ALPHAS, alpha_per_target=True, store_cv_results=True, scoring=None).fit(x, y)
        out["leave_one_out"] = dict(losses=loo.cv_results_.mean(0).T.ravel().tolist(), alphas=loo.alpha_.tolist(), predictions=loo.predict(new).ravel().tolist())
    return out

out = dict(
    note="made by make.py with scikit-learn %s, himalaya %s, NumPy %s" % (sklearn.__version__, himalaya.__version__, numpy.__version__),
    alphas=ALPHAS.tolist(), targets=TARGETS, new=NEW,
    cases=[case(40, 60, False), case(60, 15, False), case(40, 60, True), case(60, 15, True)],
)
pathlib.Path(__file__).with_name("ridge.json").write_text(json.dumps(out) + "\n")
for c in out["cases"]:
    print(c["rows"], c["voxels"], c["standardise"], c["chosen"], c.get("himalaya", {}).get("alphas"), c.get("leave_one_out", {}).get("alphas"))
