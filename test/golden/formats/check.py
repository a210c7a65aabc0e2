"""Opens every file that our writers write with the reference libraries and compares all values. Not run by `npm test`.

From the repository root:
  node_modules/.bin/node test/golden/formats/write.ts /tmp/optogram-written
  python test/golden/formats/check.py /tmp/optogram-written
"""
import csv
import json
import os
import struct
import sys

import h5py
import nibabel as nib
import numpy as np
import scipy.io
from PIL import Image

folder = sys.argv[1]
manifest = json.load(open(os.path.join(folder, "manifest.json")))
checked = 0


def want(record):
    dtype = np.dtype("uint16" if record["dtype"] == "float16" else record["dtype"])
    if dtype.kind == "b":
        return np.array([v == "1" for v in record["values"]]).reshape(record["shape"])
    return np.array([float(v) if dtype.kind == "f" else int(v) for v in record["values"]], dtype).reshape(record["shape"])


def same(found, record, dtype=True):
    global checked
    found = np.asarray(found)
    expected = want(record)
    if record["dtype"] == "float16":
        assert found.dtype == np.float16
        found = found.view(np.uint16)
    if dtype:
        assert found.dtype.newbyteorder("=") == expected.dtype, (found.dtype, expected.dtype)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f")
    checked += 1


def close(found, expected, tolerance):
    global checked
    assert np.allclose(np.asarray(found).ravel(), np.asarray(expected).ravel(), rtol=0, atol=tolerance), (found, expected)
    checked += 1


for name, value in manifest.items():
    path = os.path.join(folder, name)
    if name.endswith(".npy"):
        same(np.load(path), value)
    elif name.endswith(".npz"):
        archive = np.load(path)
        assert archive.files == list(value)
        for key in value:
            same(archive[key], value[key])
    elif ".nii" in name:
        image = nib.load(path)
        same(np.asarray(image.dataobj.get_unscaled()).T, value)
        close(image.affine, value["affine"], 1e-5)
        assert image.header["sform_code"] == 1 and image.header["qform_code"] == 0 and image.dataobj.offset == 352
    elif name.endswith((".mgh", ".mgz")):
        image = nib.load(path)
        data = np.asarray(image.dataobj)
        same(data.ravel() if "vector" in name else data.T, value)
        if "affine" in value:
            close(image.affine, value["affine"], 1e-4)
            assert image.header["tr"] == 1600
    elif name == "lh.white":
        points, faces, info = nib.freesurfer.read_geometry(path, read_metadata=True)
        same(points.astype("f4"), value["coordinates"])
        same(faces.astype("i4"), value["faces"])
        close(info["cras"], value["cras"], 1e-12)
    elif name == "lh.curv":
        same(nib.freesurfer.read_morph_data(path).astype("f4"), value)
    elif name.endswith(".annot"):
        labels, table, names = nib.freesurfer.read_annot(path)
        assert labels.tolist() == value["labels"] and [n.decode() for n in names] == value["names"] and table[:, :4].tolist() == value["colours"]
        checked += 1
    elif name.endswith(".label"):
        index, scalars = nib.freesurfer.read_label(path, read_scalars=True)
        assert index.tolist() == value["vertices"]
        close(scalars, value["statistic"], 1e-9)
    elif name.endswith(".patch.3d"):
        raw = open(path, "rb").read()
        assert struct.unpack(">ii", raw[:8]) == (-1, 3)
        records = [struct.unpack(">i3f", raw[8 + 16 * i : 24 + 16 * i]) for i in range(3)]
        assert [r[0] for r in records] == value["signed"]
        close([r[1:] for r in records], value["coordinates"], 0)
    elif name.endswith(".ctab"):
        rows = np.loadtxt(path, dtype=str)
        assert rows[:, 1].tolist() == value["names"] and rows.shape == (2, 6)
        checked += 1
    elif name.endswith(".mat"):
        found = scipy.io.loadmat(path, mat_dtype=True)
        for key in value:
            array = found[key]
            if value[key]["dtype"] in ("int64", "uint64", "bool"):
                array = scipy.io.loadmat(path)[key]
            same(array.astype(bool) if value[key]["dtype"] == "bool" else array, value[key])
    elif name.endswith(".csv"):
        rows = list(csv.reader(open(path, newline="")))
        assert rows[0] == value["columns"] and [r[1] for r in rows[1:]] == value["cells"]
        checked += 1
    elif name.endswith(".tsv"):
        assert np.genfromtxt(path, names=True, delimiter="\t")["A"].tolist() == value["A"]
        checked += 1
    elif name.endswith(".json"):
        data = json.load(open(path, encoding="utf-8"))
        assert data["annotations"][0]["caption"] == value["caption"] and data["images"][0]["file_name"] == value["file_name"]
        checked += 1
    elif name.endswith(".gii"):
        image = nib.load(path)
        exact = "ASCII" not in name
        for array, key in zip(image.darrays, ["coordinates", "faces", "curv"]):
            if exact or key == "faces":
                same(array.data, value[key])
            else:
                close(array.data, want(value[key]), 1e-5)
        assert list(image.labeltable.get_labels_as_dict().values()) == value["names"]
        assert image.meta["Creator"] == "Optogram & <test>"
    elif name.endswith(".png"):
        image = Image.open(path)
        data = np.asarray(image)
        same(data if data.ndim == 3 else data[:, :, None], value)
        assert [round(v) for v in image.info["dpi"]] == [300, 300]
    elif name.endswith(".hdf5"):
        with h5py.File(path, "r") as f:
            for key in value:
                same(f[key][()], value[key])
            assert f["betas"].chunks == (750, 1, 1, 1) and f["betas"].compression is None and f["packed"].compression == "gzip"
        assert open(path, "rb").read(9)[8] == (0 if "earliest" in name else 3)
    else:
        raise SystemExit(f"no check for {name}")
print(f"{len(manifest)} files, {checked} comparisons, all equal")
