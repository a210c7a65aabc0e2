"""Node tests of the ONNX standard suite for every operator of main/onnx/ops.ts, in one small file: python make_nodes.py

nodes.json.gz: {version, suite: operator -> how many tests the suite has, arrays: [{dtype, shape, data}], tests: [{name, op, model, inputs, outputs, ...}]}.
`data` is base64 of little-endian elements; equal arrays are kept once. Tests with arrays above LARGEST bytes keep their node, attributes and shapes, but
are fed sin(0.37 k + i) (input i, flattened index k; rebuilt by the reader of this file) and answered by onnx.reference at PLACES places.
"""
import base64
import collections
import gzip
import hashlib
import json
import pathlib
import subprocess
import warnings

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
LARGEST = 40_000
PLACES = 256
HOUSE = {"float64", "float32", "float16", "int64", "uint64", "int32", "uint32", "int16", "uint16", "int8", "uint8", "bool"}


def known_operators():
    code = "import('./main/onnx/ops.ts').then(({ OPS }) => console.log(JSON.stringify(Object.keys(OPS))))"
    return set(json.loads(subprocess.check_output(["node_modules/.bin/node", "-e", code], cwd=ROOT)))


def main():
    warnings.simplefilter("ignore")
    known = known_operators()
    cases = collect_testcases()
    arrays, seen, tests = [], {}, []
    suite = collections.Counter()

    def keep(array):
        array = np.asarray(array)
        data = np.ascontiguousarray(array).tobytes()
        key = (array.dtype.name, array.shape, hashlib.sha256(data).hexdigest())
        if key not in seen:
            seen[key] = len(arrays)
            arrays.append({"dtype": array.dtype.name, "shape": list(array.shape), "data": base64.b64encode(data).decode()})
        return seen[key]

    by_name = {case.name: case for case in cases}
    for case in cases:
        plain = "_expanded" not in case.name
        base = case if plain else by_name.get(case.name.split("_expanded")[0])
        op = base.model.graph.node[0].op_type if base is not None else ""
        if any(node.domain not in ("", "ai.onnx") for node in base.model.graph.node) if base is not None else True:
            continue
        if op not in known:
            continue
        if plain:
            suite[op] += 1
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        model.doc_string = ""
        entry = {"name": case.name, "op": op, "expanded": not plain, "model": base64.b64encode(model.SerializeToString()).decode()}
        assert len(case.data_sets) == 1
        given, wanted = case.data_sets[0]
        values = [*given, *wanted]
        if all(isinstance(value, (np.ndarray, np.generic)) and np.asarray(value).dtype.name in HOUSE for value in values):
            if sum(np.asarray(value).nbytes for value in values) > LARGEST:
                if not plain:
                    continue
                waves = [np.sin(0.37 * np.arange(value.size) + i).reshape(value.shape).astype(value.dtype) if value.dtype.kind == "f" else value for i, value in enumerate(given)]
                answers = ReferenceEvaluator(model).run(None, {info.name: wave for info, wave in zip(model.graph.input, waves)})
                entry["wave"] = [{"dtype": wave.dtype.name, "shape": list(wave.shape), **({} if wave.dtype.kind == "f" else {"array": keep(wave)})} for wave in waves]
                entry["places"] = [{"shape": list(answer.shape), "at": keep(at := np.linspace(0, answer.size - 1, PLACES).round().astype(np.int32)), "values": keep(answer.ravel()[at])} for answer in answers]
            else:
                entry["inputs"] = [keep(value) for value in given]
                entry["outputs"] = [keep(value) for value in wanted]
        else:
            entry["foreign"] = sorted({np.asarray(value).dtype.name if isinstance(value, (np.ndarray, np.generic)) else
                                       onnx.TensorProto.DataType.Name(value.data_type).lower() if isinstance(value, onnx.TensorProto) else type(value).__name__ for value in values} - HOUSE)
        tests.append(entry)
    text = json.dumps({"version": onnx.__version__, "opset": onnx.defs.onnx_opset_version(), "suite": dict(sorted(suite.items())), "arrays": arrays, "tests": tests}, separators=(",", ":"))
    with open(HERE / "nodes.json.gz", "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, compresslevel=9) as packed:
        packed.write(text.encode())
    print(f"{len(tests)} tests of {sum(suite.values())} plain ones, {len(arrays)} arrays, {(HERE / 'nodes.json.gz').stat().st_size} bytes, onnx {onnx.__version__}")


main()
