"""Writes files/ and expected.json with NumPy, SciPy, nibabel, h5py and Pillow: the independent route for the readers.

Run from the repository root:  python test/golden/formats/make.py
Where no reference writer exists (old FreeSurfer styles, patches, compact MAT storage) the bytes are packed here by hand
from the format's definition.
"""
import gzip
import json
import os
import struct
import sys
import zlib

import h5py
import nibabel as nib
import numpy as np
import PIL
import scipy
import scipy.io
import scipy.sparse
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "files")
os.makedirs(OUT, exist_ok=True)
for old in os.listdir(OUT):
    os.remove(os.path.join(OUT, old))
SEED = 20261123
rng = np.random.default_rng(SEED)
expected = {}


def path(name):
    return os.path.join(OUT, name)


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)


def plain(value):
    """Flat list for JSON: non-finite as text, 64-bit integers as text."""
    value = np.asarray(value)
    if value.dtype.kind == "f":
        return [float(v) if np.isfinite(v) else str(v) for v in value.astype(float).ravel()]
    if value.dtype.itemsize == 8 and value.dtype.kind in "iu":
        return [str(int(v)) for v in value.ravel()]
    return [int(v) for v in value.ravel()]


def arr(value):
    value = np.asarray(value)
    return {"dtype": value.dtype.newbyteorder("=").name, "shape": list(value.shape), "values": plain(value)}


def some(dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind == "f":
        return rng.normal(0, 10, shape).astype(dtype)
    info = np.iinfo(dtype)
    out = rng.integers(info.min, info.max, shape, dtype=dtype.newbyteorder("="), endpoint=True)
    flat = out.reshape(-1)
    flat[0], flat[-1] = info.min, info.max
    return out.astype(dtype)


# --- npy, npz -----------------------------------------------------------------------------------
npy = {}
for code in ["f8", "f4", "f2", "i8", "u8", "i4", "u4", "i2", "u2", "i1", "u1", "b1"]:
    for order in ["<", ">"]:
        if order == ">" and code[1] == "1":
            continue
        dtype = np.dtype(order + code)
        value = some(dtype, (2, 3, 2))
        if code == "f2":
            value.reshape(-1)[:4] = [np.inf, -np.inf, np.nan, 6e-8]
        name = f"npy-{'big' if order == '>' else 'little'}-{code}.npy"
        np.save(path(name), value)
        record = arr(value)
        if code == "f2":
            record["values"] = [int(v) for v in value.astype("<f2").view("<u2").ravel()]
        npy[name] = record
value = np.arange(24, dtype="<i4").reshape(2, 3, 4)
np.save(path("npy-fortran.npy"), np.asfortranarray(value)); npy["npy-fortran.npy"] = arr(value)
value = np.arange(6, dtype="<i8").reshape(2, 3)
np.save(path("npy-fortran-i8.npy"), np.asfortranarray(value)); npy["npy-fortran-i8.npy"] = arr(value)
np.save(path("npy-scalar.npy"), np.float64(3.5)); npy["npy-scalar.npy"] = arr(np.float64(3.5))
np.save(path("npy-empty.npy"), np.zeros((0, 5), "<f4")); npy["npy-empty.npy"] = arr(np.zeros((0, 5), "<f4"))
np.save(path("npy-vector.npy"), np.arange(5.0)); npy["npy-vector.npy"] = arr(np.arange(5.0))
for version in [(2, 0), (3, 0)]:
    name = f"npy-version{version[0]}.npy"
    with open(path(name), "wb") as f:
        np.lib.format.write_array(f, np.arange(5.0), version=version)
    npy[name] = arr(np.arange(5.0))
expected["npy"] = npy
np.save(path("refused-npy-complex.npy"), np.zeros(2, complex))
np.save(path("refused-npy-object.npy"), np.array([{}, 1], object), allow_pickle=True)
np.save(path("refused-npy-struct.npy"), np.zeros(2, [("a", "<i4"), ("b", "<f4")]))
np.save(path("refused-npy-text.npy"), np.array(["ab", "c"]))
parts = {"a": some("<f4", (3, 4)), "b": np.asfortranarray(some("<i2", (2, 5)))}
np.savez(path("npz-stored.npz"), **parts)
np.savez_compressed(path("npz-deflated.npz"), **parts)
expected["npz"] = {k: arr(v) for k, v in parts.items()}

# --- NIfTI --------------------------------------------------------------------------------------
affine = np.array([[-1.8, 0.1, 0, 70], [0.1, 1.79, 0.2, -92.7], [0, -0.2, 1.8, -73.8], [0, 0, 0, 1]])
nifti = {}


def note_nifti(name, image, with_affine=True):
    nib.save(image, path(name))
    back = nib.load(path(name))
    raw = back.dataobj.get_unscaled()
    nifti[name] = {
        "shape": list(back.shape), "raw": arr(np.asarray(raw).T), "affine": plain(back.affine) if with_affine else None,
        "scaled": plain(np.asarray(back.get_fdata()).T), "pixdim": plain(back.header["pixdim"]),
    }


for dtype in ["uint8", "int16", "int32", "float32", "float64", "int8", "uint16", "uint32", "int64", "uint64"]:
    small = some(dtype, (3, 4, 2)) if dtype not in ("int64", "uint64") else rng.integers(0, 1000, (3, 4, 2)).astype(dtype)
    note_nifti(f"nifti-{dtype}.nii", nib.Nifti1Image(small, affine, dtype=dtype))
note_nifti("nifti-two.nii", nib.Nifti2Image(some("int16", (3, 4, 2, 2)), affine))
note_nifti("nifti-gz.nii.gz", nib.Nifti1Image(some("int16", (5, 4, 3, 3)), affine))
head = nib.Nifti1Header(endianness=">")
image = nib.Nifti1Image(some("float32", (3, 4, 2)), affine, head)
note_nifti("nifti-big.nii", image)
head = nib.Nifti2Header(endianness=">")
note_nifti("nifti-two-big.nii", nib.Nifti2Image(some("int16", (3, 4, 2)), affine, head))
image = nib.Nifti1Image(some("int16", (3, 2, 2)), None)
rotation = nib.eulerangles.euler2mat(0.3, -0.2, 0.5) @ np.diag([2, 2.5, -3])
image.set_qform(np.vstack([np.c_[rotation, [10, -20, 30]], [0, 0, 0, 1]]), code=1)
image.set_sform(None, code=0)
note_nifti("nifti-qform.nii", image)
image = nib.Nifti1Image(some("int16", (3, 2, 2)), None)
image.header["sform_code"] = 0
image.header["qform_code"] = 0
image.header.set_zooms((1.5, 2, 3))
note_nifti("nifti-no-form.nii", image, with_affine=False)
image = nib.Nifti1Image(some("int16", (4, 3, 2)), affine)
image.header.set_slope_inter(0.5, -3)
note_nifti("nifti-scaled.nii", image)
image = nib.Nifti1Image(some("int16", (2, 2, 2)), affine)
image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"sixteen or more bytes"))
note_nifti("nifti-extension.nii", image)
expected["nifti"] = nifti
nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.complex64), affine), path("refused-nifti-complex.nii"))
nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")]), affine), path("refused-nifti-rgb.nii"))
nib.save(nib.Nifti1Pair(np.zeros((2, 2, 2), np.int16), affine), path("refused-nifti-pair.hdr"))
os.remove(path("refused-nifti-pair.img"))
nib.save(nib.AnalyzeImage(np.zeros((2, 2, 2), np.int16), np.eye(4)), path("refused-nifti-analyze.hdr"))
for left in ["refused-nifti-analyze.img", "refused-nifti-analyze.mat"]:
    if os.path.exists(path(left)):
        os.remove(path(left))

# --- MGH ----------------------------------------------------------------------------------------
mgh = {}
for dtype, name, shape in [("uint8", "mgh-uint8.mgh", (3, 4, 2)), ("int32", "mgh-int32.mgh", (3, 4, 2)), ("float32", "mgh-float32.mgh", (3, 4, 2, 3)),
                           ("int16", "mgh-int16.mgz", (5, 4, 3)), ("float32", "mgh-vector.mgz", (17, 1, 1))]:
    image = nib.MGHImage(some(dtype, shape), affine)
    image.header["tr"] = 1600.0
    nib.save(image, path(name))
    back = nib.load(path(name))
    data = np.asarray(back.dataobj)
    full = data.reshape(data.shape + (1,) * (4 - data.ndim))
    mgh[name] = {"raw": arr(full.T), "affine": plain(back.affine), "tkr": plain(back.header.get_vox2ras_tkr()), "tr": 1600}
expected["mgh"] = mgh

# --- FreeSurfer ---------------------------------------------------------------------------------
vertices = rng.normal(0, 30, (12, 3)).astype("f4")
faces = np.array([[i, (i + 1) % 12, (i + 5) % 12] for i in range(20)], "i4") % 12
info = {"head": np.array([2, 0, 20]), "valid": "1  # volume info valid", "filename": "../mri/T1.mgz", "volume": np.array([320, 320, 320]),
        "voxelsize": np.array([0.8] * 3), "xras": np.array([-1.0, 0, 0]), "yras": np.array([0, 0, -1.0]), "zras": np.array([0, 1.0, 0]),
        "cras": np.array([0.4, 0.4, 0.4])}
nib.freesurfer.write_geometry(path("surface-footer"), vertices, faces, create_stamp="made for a test", volume_info=info)
nib.freesurfer.write_geometry(path("surface-plain"), vertices, faces, create_stamp="made for a test")
expected["surface"] = {"coordinates": arr(vertices), "faces": arr(faces), "cras": [0.4, 0.4, 0.4]}
put("refused-surface-quad", b"\xff\xff\xfd" + struct.pack(">HB", 0, 4) + struct.pack(">HB", 0, 1) + bytes(60))
values = rng.normal(0, 0.2, 12).astype("f4")
nib.freesurfer.write_morph_data(path("curv-new"), values, fnum=20)
old = (values * 100).round().astype(">i2")
put("curv-old", b"\x00\x00\x0c\x00\x00\x14" + old.tobytes())
expected["curv"] = {"new": arr(values), "old": plain(old.astype("f4") / np.float32(100)), "oldBack": plain(nib.freesurfer.read_morph_data(path("curv-old")))}
table = np.array([[25, 5, 25, 0], [220, 20, 20, 0], [20, 180, 30, 10]])
labels = rng.integers(0, 3, 12)
names = ["unknown", "V1v", "V2v"]
nib.freesurfer.write_annot(path("annot-new"), labels, table, names, fill_ctab=True)
keys = table[:, 0] + 256 * table[:, 1] + 65536 * table[:, 2]
body = struct.pack(">i", 12) + b"".join(struct.pack(">ii", i, keys[l]) for i, l in enumerate(labels))
body += struct.pack(">ii", 1, 3) + struct.pack(">i", 5) + b"orig\0"
for row, name in zip(table, names):
    body += struct.pack(">i", len(name) + 1) + name.encode() + b"\0" + struct.pack(">4i", *row)
put("annot-old", body)
back = nib.freesurfer.read_annot(path("annot-old"))
assert [n.decode() for n in back[2]] == names
expected["annot"] = {"labels": [int(v) for v in labels], "names": names, "rgbt": table.tolist(), "oldLabels": [int(v) for v in back[0]]}
rows = [(i * 3, *(float(v) for v in rng.normal(0, 30, 3)), float(rng.random())) for i in range(6)]
put("test.label", ("#!ascii label  , from subject demo vox2ras=TkReg\n6\n" + "".join(f"{r[0]}  {r[1]:.3f}  {r[2]:.3f}  {r[3]:.3f} {r[4]:.10f}\n" for r in rows)).encode())
index, scalars = nib.freesurfer.read_label(path("test.label"), read_scalars=True)
expected["label"] = {"vertices": [int(v) for v in index], "statistic": plain(scalars)}
signed = [1, -2, 5, -12]
points = rng.normal(0, 50, (4, 3)).astype("f4")
put("test.patch.3d", struct.pack(">ii", -1, 4) + b"".join(struct.pack(">i3f", s, *p) for s, p in zip(signed, points)))
expected["patch"] = {"vertices": [0, 1, 4, 11], "border": [0, 1, 0, 1], "coordinates": arr(points)}
put("nsd.mgz.ctab", b"0 Unknown\n1 FFA-1\t\n2 ecc4+  \n3 area35 stray\n")
put("freesurfer.ctab", b"#No. Label Name:   R   G   B   A\n\n  0  Unknown      0   0   0   0\n  1  V1v        120  18 134   0\n")

# --- MAT level 5 --------------------------------------------------------------------------------
mat = {
    "doubles": some("f8", (3, 4)), "singles": some("f4", (2, 3)), "bytes": some("u1", (4, 2)), "shorts": some("i2", (2, 2, 3)),
    "words": some("u4", (1, 3)), "longs": some("i8", (2, 2)), "flags": np.array([[True, False, True]]),
}
extra = {"text": "hello", "sparse": scipy.sparse.csc_matrix(np.eye(3)), "cell": np.array([[1, "a"]], object), "record": {"x": 1.0}, "wave": np.array([[1 + 2j]])}
scipy.io.savemat(path("mat-plain.mat"), {**mat, **extra}, do_compression=False)
scipy.io.savemat(path("mat-compressed.mat"), {**mat, **extra}, do_compression=True)
expected["mat"] = {k: arr(v) for k, v in mat.items()}


def element(order, kind, payload):
    return struct.pack(order + "II", kind, len(payload)) + payload + bytes(-len(payload) % 8)


def matrix(order, name, values, storage, kind, klass=6):
    flags = struct.pack(order + "II", klass, 0)
    small = struct.pack(order + "I", (len(name) << 16) | 1) + name.encode().ljust(4, b"\0")
    body = element(order, 6, flags) + element(order, 5, np.array(values.shape, order + "i4").tobytes()) + small
    body += element(order, kind, values.astype(order + storage).ravel(order="F").tobytes())
    return struct.pack(order + "II", 14, len(body)) + body


compact = np.arange(12).reshape(3, 4) * 20
for order, mark, name in [("<", b"IM", "mat-compact-little.mat"), (">", b"MI", "mat-compact-big.mat")]:
    start = b"hand-made".ljust(124) + struct.pack(order + "H", 0x0100) + mark
    first = matrix(order, "abc", compact, "u1", 2)
    second = matrix(order, "de", compact + 1000, "u2", 4)
    squeezed = zlib.compress(second)
    put(name, start + first + struct.pack(order + "II", 15, len(squeezed)) + squeezed)
assert np.array_equal(scipy.io.loadmat(path("mat-compact-big.mat"))["de"], compact + 1000)
expected["matCompact"] = {"abc": arr(compact.astype("f8")), "de": arr((compact + 1000).astype("f8"))}

# --- text tables, COCO --------------------------------------------------------------------------
put("stim.csv", b',cocoId,cocoSplit,cropBox,flagged\n0,532481,val2017,"(0, 0, 0.1671875, 0.1671875)",False\n1,245764,train2017,"(0.1, 0, 0, 0)",True\n2,1,"quoted ""word""","a\nb",False\n')
put("responses.tsv", b"SUBJECT\tSESSION\tRT\n1\t1\t803.5\n1\t1\tNaN\n1\t2\t-1e3\n")
captions = {"info": {"year": 2017, "nested": {"deep": [1, {"a": None}]}}, "licenses": [], "images": [{"id": 9, "file_name": "a.jpg", "height": 4, "width": 5, "coco_url": "u"}, {"id": 25, "file_name": "b.jpg", "height": 6, "width": 7}],
            "annotations": [{"image_id": 9, "id": 1, "caption": "A \"big\" caf\u00e9 \\ \U0001f600 on a plate."}, {"image_id": 25, "id": 2, "caption": "Two\tgiraffes\n"}, {"image_id": 9, "id": 3, "caption": "Third"}]}
put("captions.json", json.dumps(captions).encode())
put("captions-utf8.json", json.dumps(captions, ensure_ascii=False, indent=1).encode())
instances = {"images": captions["images"], "annotations": [
    {"segmentation": [[1.5, 2, 3, 4.25, 5e0, 6]], "area": 12.5, "iscrowd": 0, "image_id": 9, "bbox": [1.5, 2, 3.5, 4], "category_id": 18, "id": 7},
    {"segmentation": {"counts": [3, 4, 5], "size": [3, 4]}, "area": 4, "iscrowd": 1, "image_id": 25, "bbox": [0, 0, 3, 4], "category_id": 1, "id": 8}],
    "categories": [{"supercategory": "person", "id": 1, "name": "person"}, {"supercategory": "animal", "id": 18, "name": "dog"}]}
put("instances.json", json.dumps(instances).encode())
expected["captions"] = captions
expected["instances"] = instances

# --- GIFTI --------------------------------------------------------------------------------------
from nibabel.gifti import GiftiCoordSystem, GiftiDataArray, GiftiImage, GiftiLabel, GiftiLabelTable, GiftiMetaData

xform = np.array([[1, 0, 0, 4], [0, 1, 0, 5], [0, 0, 1, 6], [0, 0, 0, 1.0]])
for encoding in ["ASCII", "B64BIN", "B64GZ"]:
    for endian in ["little"]:  # nibabel writes the machine's own order whatever it is told; big-endian is made below
        coords = GiftiDataArray(vertices, "NIFTI_INTENT_POINTSET", "float32", encoding, endian, GiftiCoordSystem(2, 4, xform))
        triangles = GiftiDataArray(faces, "NIFTI_INTENT_TRIANGLE", "int32", encoding, endian)
        shape = GiftiDataArray(values, "NIFTI_INTENT_SHAPE", "float32", encoding, endian, meta=GiftiMetaData(Name="curv & <more>"))
        marks = GiftiDataArray(labels.astype("i4"), "NIFTI_INTENT_LABEL", "int32", encoding, endian)
        table_ = GiftiLabelTable()
        for i, (n, c) in enumerate(zip(names, table)):
            entry = GiftiLabel(i, *(float(v) / 255 for v in c[:3]), 1.0)
            entry.label = n
            table_.labels.append(entry)
        image = GiftiImage(darrays=[coords, triangles, shape, marks], labeltable=table_, meta=GiftiMetaData(Creator="nibabel"))
        put(f"gifti-{encoding}-{endian}.gii", image.to_bytes())
put("gifti.gii.gz", gzip.compress(open(path("gifti-B64GZ-little.gii"), "rb").read(), mtime=0))
column = b"".join(np.asfortranarray(vertices).ravel(order="F").astype("<f4").tobytes() for _ in range(1))
import base64
put("gifti-column.gii", (b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE GIFTI SYSTEM "http://www.nitrc.org/frs/download.php/115/gifti.dtd">\n<GIFTI Version="1.0" NumberOfDataArrays="1"><!-- a <comment> -->\n'
    b'<DataArray Intent="NIFTI_INTENT_POINTSET" DataType="NIFTI_TYPE_FLOAT32" ArrayIndexingOrder="ColumnMajorOrder" Dimensionality="2" Dim0="12" Dim1="3" Encoding="Base64Binary" Endian="LittleEndian" ExternalFileName="" ExternalFileOffset="">'
    b"<Data>" + base64.b64encode(column) + b"</Data></DataArray></GIFTI>"))
put("refused-gifti-external.gii", open(path("gifti-column.gii"), "rb").read().replace(b'Encoding="Base64Binary"', b'Encoding="ExternalFileBinary"'))
big = zlib.compress(vertices.astype(">f4").tobytes())
put("gifti-big.gii", open(path("gifti-column.gii"), "rb").read().replace(base64.b64encode(column), base64.b64encode(big)).replace(b"ColumnMajorOrder", b"RowMajorOrder")
    .replace(b'Encoding="Base64Binary"', b'Encoding="GZipBase64Binary"').replace(b"LittleEndian", b"BigEndian"))
assert np.array_equal(nib.load(path("gifti-big.gii")).darrays[0].data, vertices)
expected["gifti"] = {"coordinates": arr(vertices), "faces": arr(faces), "shape": arr(values), "labels": arr(labels.astype("i4")), "names": names, "xform": plain(xform),
                     "columnBack": arr(nib.load(path("gifti-column.gii")).darrays[0].data)}

# --- PNG ----------------------------------------------------------------------------------------
png = {}
rgb = some("u1", (5, 7, 3))
for name, value, mode in [("png-rgb.png", rgb, "RGB"), ("png-gray.png", rgb[:, :, 0], "L"), ("png-rgba.png", some("u1", (4, 3, 4)), "RGBA")]:
    Image.fromarray(value, mode).save(path(name), dpi=(300, 300))
    png[name] = arr(value if value.ndim == 3 else value[:, :, None])
palette = Image.fromarray(rgb, "RGB").quantize(8)
palette.save(path("png-palette.png"))
png["png-palette.png"] = arr(np.asarray(palette.convert("RGB")))
Image.fromarray((rgb[:, :, 0] > 128)).save(path("png-bit.png"))
png["png-bit.png"] = arr(((rgb[:, :, 0] > 128) * 255).astype("u1")[:, :, None])
expected["png"] = png
Image.fromarray(some("u2", (4, 3))).save(path("png-deep.png"))

# --- HDF5 ---------------------------------------------------------------------------------------
betas = rng.integers(-300, 300, (750, 2, 3, 4)).astype("<i2")
for libver in ["earliest", "latest"]:
    with h5py.File(path(f"hdf5-{libver}.hdf5"), "w", libver=libver) as f:
        f.create_dataset("betas", data=betas, chunks=(750, 1, 1, 1))
with h5py.File(path("hdf5-many.hdf5"), "w", libver="earliest") as f:
    many = (np.arange(4 * 6 * 7 * 8) % 30000).astype("<i2").reshape(4, 6, 7, 8)
    f.create_dataset("betas", data=many, chunks=(4, 1, 1, 1))
mixed = {"f4": some("f4", (3, 4)), "f8": some("f8", (2,)), "u1": some("u1", (2, 3, 3, 3)), "i8": some("i8", (2, 2)), "scalar": np.float64(2.5)}
with h5py.File(path("hdf5-mixed.h5"), "w") as f:
    for key, value in mixed.items():
        f.create_dataset("group/" + key, data=value)
    f.create_dataset("packed", data=np.arange(1000, dtype="i4").reshape(10, 100), chunks=(5, 50), compression="gzip", shuffle=True)
    f["packed"].attrs["note"] = "text"
    f["packed"].attrs["numbers"] = np.array([1.5, 2.5])
    f.create_dataset("big", data=np.arange(5, dtype=">f4"))
    f.create_dataset("words", data=["a", "bc"])
    f.create_dataset("pairs", data=np.zeros(2, [("r", "f8"), ("i", "f8")]))
with h5py.File(path("hdf5-v73.mat"), "w", userblock_size=512) as f:
    f.create_dataset("betas", data=betas[:, :1, :2, :2], chunks=(750, 1, 1, 1))
    f["betas"].attrs["MATLAB_class"] = np.bytes_("int16")
with open(path("hdf5-v73.mat"), "r+b") as f:
    f.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
expected["hdf5"] = {"betas": arr(betas[:8]), "betasFirstVoxels": plain(betas[:, 0, 0, :2].T), "many": arr(many[:, 5, 6]), "mixed": {k: arr(v) for k, v in mixed.items()}, "v73": arr(betas[:3, :1, :2, :2])}

expected["provenance"] = {
    "command": "python test/golden/formats/make.py", "seed": SEED, "python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__,
    "nibabel": nib.__version__, "h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version, "pillow": PIL.__version__,
}
with open(os.path.join(HERE, "expected.json"), "w") as f:
    json.dump(expected, f, separators=(",", ":"))
print(expected["provenance"], sum(os.path.getsize(path(n)) for n in os.listdir(OUT)), "bytes")
