"""Peer of the ridge benchmark: himalaya KernelRidgeCV and scikit-learn RidgeCV on the arrays that Optogram wrote.

usage: ridge.py FOLDER ALPHAS_JSON FOLDS RUNS
"""
import json
import resource
import sys
import time

folder, alphas, folds, runs = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
try:
    import numpy as np
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import KernelRidgeCV
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit(0)

set_backend("numpy")
x = np.load(f"{folder}/x.npy")
y = np.load(f"{folder}/y.npy")
chosen = np.array(json.load(open(f"{folder}/chosen.json")))

def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def himalaya_fit():
    # A free intercept in every fold, as ours has: centring once beforehand is another model, and 3 % of the targets choose another penalty.
    model = KernelRidgeCV(alphas=np.array(alphas, dtype="float32"), kernel="linear", cv=KFold(folds), fit_intercept=True, solver_params=dict(n_targets_batch=1024, local_alpha=True))
    return model.fit(x, y)


def sklearn_fit():
    return RidgeCV(alphas=alphas, alpha_per_target=True).fit(x, y)


timings = {}
fitted = {}
for name, fit in [("himalaya KernelRidgeCV", himalaya_fit), ("scikit-learn RidgeCV (leave-one-out)", sklearn_fit)]:
    timings[f"{name}, wall"], timings[f"{name}, processor"] = [], []
    for _ in range(runs):
        start, used = time.perf_counter(), processor()
        fitted[name] = fit()
        timings[f"{name}, wall"].append(time.perf_counter() - start)
        timings[f"{name}, processor"].append(processor() - used)
agree = float(np.mean(np.isclose(chosen, np.asarray(fitted["himalaya KernelRidgeCV"].best_alphas_), rtol=1e-3)))
print(json.dumps({"timings": timings, "checks": {"share of targets with himalaya's penalty": agree}}))
