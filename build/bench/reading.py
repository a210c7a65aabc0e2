"""h5py beside Optogram's reader: one session read whole and masked, and pictures of the big file. Prints one JSON object.

    python reading.py FOLDER RUNS     FOLDER holds request.json, index.npy (voxels in file order) and ours.npy ([voxels, trials] int16)
"""
import json
import os
import resource
import sys
import time

try:
    import h5py
    import numpy as np
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit(0)

folder, runs = sys.argv[1], int(sys.argv[2])
request = json.load(open(os.path.join(folder, "request.json")))
index = np.load(os.path.join(folder, "index.npy"))
ours = np.load(os.path.join(folder, "ours.npy"))
timings, cpu, checks = {}, {}, {}


def timed(name, work, times):
    walls, cpus = [], []
    for _ in range(times):
        wall, used = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - used)
    timings[name] = walls
    checks[f"h5py CPU seconds, {name}"] = round(sorted(cpus)[len(cpus) // 2], 3)
    return result


def masked():
    with h5py.File(request["session"], "r") as f:
        data = f["betas"]
        return data[()].reshape(data.shape[0], -1)[:, index]


found = timed("session, read and masked", masked, runs)
checks["values that differ from h5py's (session)"] = int(np.count_nonzero(found.T != ours))
if request.get("stimuli"):
    pictures = np.load(os.path.join(folder, "pictures.npy"))
    ids = request["ids"]
    with h5py.File(request["stimuli"], "r") as f:
        brick = f["imgBrick"]
        read = timed("pictures", lambda: np.stack([brick[i] for i in ids]), runs)
    checks["values that differ from h5py's (pictures)"] = int(np.count_nonzero(read != pictures))
checks["h5py peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"timings": timings, "checks": checks}))
