"""Directional derivatives in float64 of every gradient check, by the ONNX standard's own reference evaluator (NumPy, no ONNX Runtime, no code of ours):

    node test/golden/autodiff/write.ts plans.json && python test/golden/autodiff/directions.py plans.json

directions.json: check -> input -> central difference of <w, f(x + h v)> along v, h = 1e-6, all arithmetic in float64; or the reason in words where the
reference evaluator cannot do it in float64.
"""
import base64
import json
import math
import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

H = 1e-6


ERF = np.vectorize(math.erf, otypes=[np.float64])


class Erf(OpRun):
    def _run(self, x):
        return (ERF(x),)


class Gelu(OpRun):
    def _run(self, x, approximate=None):
        if approximate == "tanh":
            return (0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),)
        return (0.5 * x * (1 + ERF(x / np.sqrt(2))),)


class LayerNormalization(OpRun):
    def _run(self, x, scale, bias=None, axis=None, epsilon=None, stash_type=None):
        axes = tuple(range(axis % x.ndim, x.ndim))
        mean = x.mean(axes, keepdims=True)
        r = 1 / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)
        return ((x - mean) * r * scale + (0 if bias is None else bias), mean, r)


class GroupNormalization(OpRun):
    def _run(self, x, scale, bias, epsilon=None, num_groups=None, stash_type=None):
        groups = x.reshape(x.shape[0], num_groups, -1)
        n = (groups - groups.mean(2, keepdims=True)) / np.sqrt(groups.var(2, keepdims=True) + epsilon)
        channels = (1, -1) + (1,) * (x.ndim - 2)
        return (n.reshape(x.shape) * scale.reshape(channels) + bias.reshape(channels),)


class LpNormalization(OpRun):
    def _run(self, x, axis=None, p=None):
        return (x / np.linalg.norm(x, p, axis, keepdims=True),)


# What the evaluator rounds to float32 on the way (or, LpNormalization with p 1, computes without the absolute value), by its definition in Operators.md.
IN_FLOAT64 = [Erf, Gelu, LayerNormalization, GroupNormalization, LpNormalization]


def widened(model):
    """Every float32 declaration, constant and cast made float64."""
    def tensor(t):
        if t.data_type == TensorProto.FLOAT:
            wide = numpy_helper.from_array(numpy_helper.to_array(t).astype(np.float64), t.name)
            t.CopyFrom(wide)

    def graph(g):
        for value in [*g.input, *g.output, *g.value_info]:
            if value.type.tensor_type.elem_type == TensorProto.FLOAT:
                value.type.tensor_type.elem_type = TensorProto.DOUBLE
        for t in g.initializer:
            tensor(t)
        for node in g.node:
            for a in node.attribute:
                if a.type == onnx.AttributeProto.TENSOR:
                    tensor(a.t)
                elif a.type == onnx.AttributeProto.GRAPH:
                    graph(a.g)
                elif node.op_type == "Constant" and a.name in ("value_float", "value_floats"):
                    data = np.array(a.f if a.name == "value_float" else list(a.floats), dtype=np.float64)
                    a.CopyFrom(onnx.helper.make_attribute("value", numpy_helper.from_array(data)))
                elif (node.op_type == "Cast" and a.name == "to" or a.name in ("softmax_precision", "stash_type")) and a.i == TensorProto.FLOAT:
                    a.i = TensorProto.DOUBLE
    graph(model.graph)
    return model


def array(entry):
    value = np.frombuffer(base64.b64decode(entry["data"]), dtype=entry["dtype"]).reshape(entry["shape"])
    return value.astype(np.float64) if value.dtype == np.float32 else value


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    answers, counts = {}, {"float64": 0, "not": 0}
    for plan in json.load(open(sys.argv[1])):
        feeds = {name: array(entry) for name, entry in plan["feeds"].items()}
        answers[plan["key"]] = {}
        try:
            model = widened(onnx.load_from_string(base64.b64decode(plan["model"])))
            evaluator = ReferenceEvaluator(model, new_ops=IN_FLOAT64)
            names = [output.name for output in model.graph.output]

            def loss(given):
                total = 0.0
                for name, value in zip(names, evaluator.run(None, given)):
                    if name in plan["cotangents"]:
                        if value.dtype != np.float64:
                            raise TypeError(f"{name} came out as {value.dtype}")
                        total += float(np.dot(value.ravel(), np.frombuffer(base64.b64decode(plan["cotangents"][name]))))
                return total

            for name in plan["wrt"]:
                v = np.frombuffer(base64.b64decode(plan["directions"][name])).reshape(feeds[name].shape)
                up, down = (loss({**feeds, name: feeds[name] + sign * H * v}) for sign in (1, -1))
                slope = (up - down) / (2 * H)
                answers[plan["key"]][name] = slope if np.isfinite(slope) else None  # not differentiable there
                counts["float64"] += 1
        except Exception as error:  # noqa: BLE001: whatever the evaluator says is the reason
            answers[plan["key"]] = f"{type(error).__name__}: {error}"[:100]
            counts["not"] += 1
            print(plan["key"], answers[plan["key"]], file=sys.stderr)
    note = {"onnx": onnx.__version__, "numpy": np.__version__, "step": H}
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in answers.items())
    pathlib.Path(__file__).with_name("directions.json").write_text('{"provenance": %s,\n"checks": {\n%s\n}}\n' % (json.dumps(note), lines))
    print(counts, note)


main()
