"""Writes matrix.bin and matrix.json: some hundred small files over types x byte orders x versions x odd shapes, each with what the
reference library reads back from it (nibabel, h5py, SciPy, NumPy), which is what our readers must read.

From the repository root:  python test/golden/formats/matrix.py
Byte orders that a library cannot write are swapped here by hand and then read back by that library.
"""
import base64
import gzip
import io
import json
import os
import struct
import sys
import tempfile
import zlib

import h5py
import nibabel as nib
import numpy as np
import scipy
import scipy.io

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20261127
rng = np.random.default_rng(SEED)
scratch = tempfile.mkdtemp()
blob = bytearray()
entries = []
SHAPES = [(1, 1, 1), (5, 1, 1), (3, 1, 7), (2, 3, 4, 2), (1, 1, 1, 9), (3, 1, 2, 1, 3), (1, 6, 2), (4, 3, 1, 2)]
DTYPES = ["u1", "i2", "i4", "f4", "f8", "i1", "u2", "u4", "i8", "u8"]


def some(dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind == "f":
        out = rng.normal(0, 10, shape).astype(dtype)
        if out.size > 3:
            out.reshape(-1)[[1, -1]] = [np.nan, -np.inf]
        return out
    info = np.iinfo(dtype)
    out = rng.integers(info.min, info.max, shape, dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype)
    if out.size > 1:
        out.reshape(-1)[[0, -1]] = [info.min, info.max]
    return out


def plain(value):
    value = np.asarray(value)
    if value.dtype.kind == "f":
        return [float(v) if np.isfinite(v) else str(v) for v in value.astype(float).ravel()]
    if value.dtype.itemsize == 8 and value.dtype.kind in "iu":
        return [str(int(v)) for v in value.ravel()]
    return [int(v) for v in value.ravel()]


def arr(value):
    value = np.asarray(value)
    if value.dtype.newbyteorder("=") == np.float16:
        return {"dtype": "float16", "shape": list(value.shape), "values": [int(v) for v in value.astype("<f2").view("<u2").ravel()]}
    return {"dtype": value.dtype.newbyteorder("=").name, "shape": list(value.shape), "values": plain(value)}


def add(kind, name, data, expected):
    entries.append({"kind": kind, "name": name, "offset": len(blob), "length": len(data), "expected": expected})
    blob.extend(data)


def path(name):
    return os.path.join(scratch, name)


def bytes_of(name):
    with open(path(name), "rb") as f:
        return f.read()


# --- NIfTI: 10 types x 2 byte orders x 2 versions, two shapes each, every third gzipped, every fourth scaled ----------------------
turn = 0
for version, image_of, head_of in [(1, nib.Nifti1Image, nib.Nifti1Header), (2, nib.Nifti2Image, nib.Nifti2Header)]:
    for dtype in DTYPES:
        for order in "<>":
            for _ in range(2):
                shape = SHAPES[turn % len(SHAPES)]
                affine = np.vstack([np.c_[rng.normal(0, 1, (3, 3)) + 3 * np.eye(3), rng.normal(0, 50, 3)], [0, 0, 0, 1]])
                header = head_of(endianness=order)
                header.set_data_dtype(np.dtype(order + dtype))
                image = image_of(some(dtype, shape), affine, header, dtype=np.dtype(dtype))
                if turn % 4 == 3:
                    image.header.set_slope_inter(0.25 * (1 + turn % 5), turn % 7 - 3)
                if turn % 5 == 2:
                    image.set_sform(None, code=0)
                    rotation = nib.eulerangles.euler2mat(*rng.uniform(-1, 1, 3)) @ np.diag([1.5, 2, -2.5 if turn % 2 else 2.5])
                    image.set_qform(np.vstack([np.c_[rotation, rng.normal(0, 20, 3)], [0, 0, 0, 1]]), code=1)
                name = f"nifti{version}-{'big' if order == '>' else 'little'}-{dtype}-{turn}.nii{'.gz' if turn % 3 == 2 else ''}"
                nib.save(image, path(name))
                back = nib.load(path(name))
                assert back.header.endianness == order and back.header.get_data_dtype().newbyteorder("=") == np.dtype(dtype)
                raw = np.asarray(back.dataobj.get_unscaled())
                expected = {"raw": arr(raw.T), "shape": list(back.shape), "affine": plain(back.affine), "scaled": None}
                if turn % 4 == 3:
                    expected["scaled"] = plain(np.asarray(back.get_fdata()).T)
                add("nifti", name, bytes_of(name), expected)
                turn += 1

# --- MGH: 4 types x shapes, plain and gzipped ---------------------------------------------------------------------------------------
for dtype in ["u1", "i2", "i4", "f4"]:
    for n, shape in enumerate([(1, 1, 1), (11, 1, 1), (11, 1, 1, 3), (2, 3, 4), (3, 1, 2, 4), (1, 7, 1)]):
        affine = np.vstack([np.c_[nib.eulerangles.euler2mat(*rng.uniform(-1, 1, 3)) @ np.diag(rng.uniform(0.5, 3, 3)), rng.normal(0, 50, 3)], [0, 0, 0, 1]])
        name = f"mgh-{dtype}-{n}.mg{'z' if n % 2 else 'h'}"
        nib.save(nib.MGHImage(some(dtype, shape), affine), path(name))
        back = nib.load(path(name))
        data = np.asarray(back.dataobj)
        add("mgh", name, bytes_of(name), {"raw": arr(data.reshape(data.shape + (1,) * (4 - data.ndim)).T), "affine": plain(back.affine), "tkr": plain(back.header.get_vox2ras_tkr())})

# --- NPY: 12 types x byte orders x memory orders ------------------------------------------------------------------------------------
for dtype in DTYPES + ["f2", "b1"]:
    for order in "<>":
        if order == ">" and dtype[1] == "1":
            continue
        for n, shape in enumerate([(3, 2), (1, 5, 1), (0, 3)] if dtype in ("f4", "i2") else [(2, 1, 3)]):
            for fortran in [False, True]:
                value = some(order + dtype, shape)
                stream = io.BytesIO()
                np.save(stream, np.asfortranarray(value) if fortran else value)
                add("npy", f"npy-{order}{dtype}-{n}{'-fortran' if fortran else ''}.npy", stream.getvalue(), arr(np.load(io.BytesIO(stream.getvalue()))))

# --- MAT level 5: types x compression x odd shapes ----------------------------------------------------------------------------------
for compress in [False, True]:
    for n, dtype in enumerate(DTYPES + ["b1"]):
        value = some(dtype, [(1, 1), (1, 7), (6, 1), (2, 3), (2, 1, 3), (2, 2, 2)][n % 6])
        name = f"mat-{dtype}-{'packed' if compress else 'plain'}.mat"
        scipy.io.savemat(path(name), {"x": value, "a_longer_variable_name": value.astype("f8") if dtype != "f8" else value}, do_compression=compress)
        back = scipy.io.loadmat(path(name))
        add("mat5", name, bytes_of(name), {"x": arr(back["x"].astype(bool) if dtype == "b1" else back["x"]), "a_longer_variable_name": arr(back["a_longer_variable_name"])})

# --- HDF5: types x byte orders x storage x library versions, and MAT v7.3 user blocks ------------------------------------------------
STORAGE = [{}, {"chunks": (2, 1, 2)}, {"chunks": (3, 2, 2), "compression": "gzip"}, {"chunks": (2, 2, 2), "shuffle": True, "compression": "gzip", "fletcher32": True}]
turn = 0
for libver in ["earliest", "latest"]:
    for dtype in DTYPES:
        for order in "<>":
            name = f"hdf5-{libver}-{order}{dtype}.h5"
            with h5py.File(path(name), "w", libver=libver) as f:
                f.create_dataset("deep/er/x", data=some(order + dtype, (4, 2, 3)), **STORAGE[turn % 4])
            with h5py.File(path(name), "r") as f:
                back = f["deep/er/x"][()]
            add("hdf5", name, bytes_of(name), {"deep/er/x": arr(back)})
            turn += 1
for block in [512, 1024, 4096]:
    name = f"v73-{block}.mat"
    with h5py.File(path(name), "w", userblock_size=block) as f:
        f.create_dataset("betas", data=some("i2", (6, 2, 1, 3)), chunks=(6, 1, 1, 1))
    with h5py.File(path(name), "r") as f:
        back = f["betas"][()]
    with open(path(name), "r+b") as f:
        f.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    add("hdf5", name, bytes_of(name), {"betas": arr(back)})

# --- GIFTI: types x encodings x byte orders x index orders, packed here and read back by nibabel -------------------------------------
CODES = {"u1": ("NIFTI_TYPE_UINT8", "NIFTI_INTENT_NONE"), "i4": ("NIFTI_TYPE_INT32", "NIFTI_INTENT_LABEL"), "f4": ("NIFTI_TYPE_FLOAT32", "NIFTI_INTENT_SHAPE")}
for dtype, (code, intent) in CODES.items():
    for encoding in ["ASCII", "Base64Binary", "GZipBase64Binary"]:
        for endian, order in [("LittleEndian", "<"), ("BigEndian", ">")]:
            for indexing in ["RowMajorOrder", "ColumnMajorOrder"]:
                value = some(order + dtype, (4, 3))
                if dtype == "f4":
                    value = rng.normal(0, 10, (4, 3)).round(3).astype(order + dtype)
                flat = value.ravel(order="C" if indexing == "RowMajorOrder" else "F")
                text = " ".join(repr(v.item()) for v in flat).encode() if encoding == "ASCII" else base64.b64encode(flat.tobytes() if encoding == "Base64Binary" else zlib.compress(flat.tobytes()))
                xml = (f'<?xml version="1.0" encoding="UTF-8"?>\n<GIFTI Version="1.0" NumberOfDataArrays="1">\n<DataArray Intent="{intent}" DataType="{code}" ArrayIndexingOrder="{indexing}" Dimensionality="2" Dim0="4" Dim1="3" '
                       f'Encoding="{encoding}" Endian="{endian}" ExternalFileName="" ExternalFileOffset="">\n<Data>').encode() + text + b"</Data></DataArray>\n</GIFTI>\n"
                name = f"gifti-{dtype}-{encoding}-{endian}-{indexing}.gii"
                with open(path(name), "wb") as f:
                    f.write(xml)
                back = nib.load(path(name)).darrays[0].data
                packed = len(entries) % 3 == 0
                add("gifti", name + (".gz" if packed else ""), gzip.compress(xml, mtime=0) if packed else xml, arr(np.asarray(back, np.dtype(dtype))))

# --- FreeSurfer ----------------------------------------------------------------------------------------------------------------------
for n, (count, triangles) in enumerate([(4, 4), (3, 1), (17, 9), (100, 60)]):
    name = f"surface-{n}"
    info = {"head": np.array([20] if n % 2 else [2, 0, 20]), "valid": "1  # volume info valid", "filename": "../mri/T1.mgz", "volume": np.array([320, 320, 320]), "voxelsize": np.array([0.8] * 3),
            "xras": np.array([-1.0, 0, 0]), "yras": np.array([0, 0, -1.0]), "zras": np.array([0, 1.0, 0]), "cras": rng.normal(0, 5, 3).round(4)}
    nib.freesurfer.write_geometry(path(name), rng.normal(0, 40, (count, 3)).astype("f4"), rng.integers(0, count, (triangles, 3)).astype("i4"), create_stamp="made", volume_info=info)
    points, faces, meta = nib.freesurfer.read_geometry(path(name), read_metadata=True)
    add("surface", name, bytes_of(name), {"coordinates": arr(points.astype("f4")), "faces": arr(faces.astype("i4")), "cras": plain(meta["cras"])})
    name = f"curv-{n}"
    nib.freesurfer.write_morph_data(path(name), rng.normal(0, 1, count).astype("f4"), fnum=triangles)
    add("curv", name, bytes_of(name), arr(nib.freesurfer.read_morph_data(path(name)).astype("f4")))
    name = f"annot-{n}"
    table = np.array([[25 + i, 5 * i, 25, 0] for i in range(n + 2)])
    nib.freesurfer.write_annot(path(name), rng.integers(0, n + 2, count), table, [f"area-{i}" for i in range(n + 2)], fill_ctab=True)
    labels, table, names = nib.freesurfer.read_annot(path(name))
    add("annot", name, bytes_of(name), {"labels": [int(v) for v in labels], "names": [v.decode() for v in names]})

# --- HDF5 files of 2 kB that ask for half a gigabyte ----------------------------------------------------------------------------------
with h5py.File(os.path.join(HERE, "files", "refused-hdf5-chunks.h5"), "w") as f:
    f.create_dataset("x", (10,), "u1", maxshape=(None,), chunks=(2**29,), compression="gzip")
with h5py.File(os.path.join(HERE, "files", "refused-hdf5-size.h5"), "w") as f:
    f.create_dataset("x", (2**29,), "u1", chunks=(2**16,), compression="gzip")

provenance = {"command": "python test/golden/formats/matrix.py", "seed": SEED, "python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__,
              "nibabel": nib.__version__, "h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version}
with open(os.path.join(HERE, "matrix.bin"), "wb") as f:
    f.write(blob)
with open(os.path.join(HERE, "matrix.json"), "w") as f:
    json.dump({"provenance": provenance, "entries": entries}, f, separators=(",", ":"))
print(len(entries), "files", len(blob), "bytes", provenance)
