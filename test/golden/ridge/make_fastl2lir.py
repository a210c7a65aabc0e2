"""Writes fastl2lir.json.gz: the published package's own test data and its answers, and checks them against the package.

python test/golden/ridge/make_fastl2lir.py PATH/TO/PyFastL2LiR   (commit 4b7c794, version 0.11, MIT licence; fastl2lir 0.11 from PyPI, NumPy 2.2.6)
"""
import gzip, json, pathlib, sys
import fastl2lir, numpy

source = pathlib.Path(sys.argv[1])
cases = []
# File, penalty, voxels per target (the tests of the package: tests/test_fastl2lir.py). The first 12 targets of each.
for name, alpha, voxels in [("testdata_nfeat", 1.0, 20), ("testdata_alpha01", 0.1, 0), ("testdata_wide", 1.0, 500)]:
    data = numpy.load(source / "tests" / f"{name}.npz")
    flat = lambda key: data[key].reshape(data[key].shape[0], -1, order="F")[:, :12]  # the package flattens targets in Fortran order
    x, y, w, b = data["x_tr"], flat("y_2d"), flat("w_2d"), flat("b_2d").ravel()
    model = fastl2lir.FastL2LiR()
    model.fit(x, y, alpha=alpha, n_feat=voxels)
    print(name, x.shape, data["y_2d"].shape, numpy.abs(model.W - w).max(), numpy.abs(model.b.ravel() - b).max())
    cases.append(dict(name=name, alpha=alpha, voxelsPerTarget=voxels, rows=x.shape[0], voxels=x.shape[1], targets=12, x=x.ravel().tolist(), y=y.ravel().tolist(), weights=w.ravel().tolist(), bias=b.tolist()))
note = "x, y, weights and bias from KamitaniLab/PyFastL2LiR tests/*.npz at 4b7c794 (MIT, Copyright (c) 2019 Kamitani Lab), by make_fastl2lir.py"
with gzip.GzipFile(pathlib.Path(__file__).with_name("fastl2lir.json.gz"), "wb", mtime=0) as out:
    out.write(json.dumps(dict(note=note, cases=cases)).encode())
