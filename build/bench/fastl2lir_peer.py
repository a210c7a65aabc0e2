"""Peer of the fastl2lir benchmark: the published package on the arrays that Optogram wrote.

usage: fastl2lir_peer.py FOLDER VOXELS_PER_TARGET ALPHA RUNS
"""
import json
import resource
import sys
import time

folder, voxels, alpha, runs = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
try:
    import numpy as np
    import fastl2lir
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit(0)

def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

x, y = np.load(f"{folder}/x.npy"), np.load(f"{folder}/y.npy")
name = f"PyFastL2LiR {getattr(fastl2lir, '__version__', '')}".strip()
timings = {f"{name}, wall": [], f"{name}, processor": []}
try:
    for _ in range(runs):
        start, used = time.perf_counter(), processor()
        model = fastl2lir.FastL2LiR()
        model.fit(x, y, alpha=alpha, n_feat=voxels)
        timings[f"{name}, wall"].append(time.perf_counter() - start)
        timings[f"{name}, processor"].append(processor() - used)
except ValueError as error:
    # The package of 2026-05 assigns arrays of one element to numbers, which NumPy from 2.4 on refuses.
    print(json.dumps({"missing": f"fastl2lir fails with NumPy {np.__version__}: {error}"}))
    sys.exit(0)
ours = np.load(f"{folder}/weights.npy")
print(json.dumps({"timings": timings, "checks": {"largest difference of weights": float(np.abs(ours - model.W).max()), "largest weight": float(np.abs(model.W).max())}}))
