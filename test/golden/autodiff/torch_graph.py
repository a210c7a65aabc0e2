"""An ONNX graph executed by PyTorch operators, so that PyTorch's autograd differentiates it; and weights that any language can make again."""
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

DTYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16, 11: torch.float64}
SMALLEST = 32


def name_hash(text):
    """32-bit FNV-1a."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def uniform(name, count):
    """Hashed counters, [-1, 1): murmur3's finaliser of k * 0x9E3779B1 + hash(name)."""
    with np.errstate(over="ignore"):
        u = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(name_hash(name))
        u ^= u >> np.uint32(16)
        u *= np.uint32(0x85EBCA6B)
        u ^= u >> np.uint32(13)
        u *= np.uint32(0xC2B2AE35)
        u ^= u >> np.uint32(16)
    return u.astype(np.float64) / 2**31 - 1


def seeded(name, shape):
    """A weight by its name and shape: matrices by their fan-in, gains around one, everything else small. None where the value is not a weight."""
    count = int(np.prod(shape))
    if count < SMALLEST and not (len(shape) == 1 and name.endswith("bias")):
        return None
    u = uniform(name, count)
    if len(shape) >= 2:
        fan = shape[0] if len(shape) == 2 else count // shape[0]
        u = u * np.sqrt(3 / fan)
    elif name.endswith("weight"):
        u = 1 + 0.2 * u
    else:
        u = 0.1 * u
    return u.reshape(shape).astype(np.float32)


WEIGHTS = {1: np.float32, 10: np.float16}


def reseed(model):
    """Half-precision weights are the float32 ones rounded."""
    for tensor in model.graph.initializer:
        if tensor.data_type in WEIGHTS:
            value = seeded(tensor.name, list(tensor.dims))
            if value is not None:
                tensor.CopyFrom(numpy_helper.from_array(value.astype(WEIGHTS[tensor.data_type]), tensor.name))


def blank(model):
    """Zeros for everything that `reseed` makes: they compress to nothing."""
    for tensor in model.graph.initializer:
        if tensor.data_type in WEIGHTS and seeded(tensor.name, list(tensor.dims)) is not None:
            tensor.CopyFrom(numpy_helper.from_array(np.zeros(list(tensor.dims), WEIGHTS[tensor.data_type]), tensor.name))


def widened(model):
    """The same model with float32 wherever it says float16, its numbers unchanged: what half precision approximates."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    graph = wide.graph
    del graph.value_info[:]

    def widen(tensor):
        if tensor.data_type == 10:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))

    for tensor in graph.initializer:
        widen(tensor)
    for info in [*graph.input, *graph.output]:
        if info.type.tensor_type.elem_type == 10:
            info.type.tensor_type.elem_type = 1
    for node in graph.node:
        for a in node.attribute:
            assert a.type not in (5, 10), "a graph inside a graph"
            if a.type == 4:
                widen(a.t)
            if node.op_type == "Cast" and a.name == "to" and a.i == 10:
                a.i = 1
    return wide


def attributes(node):
    out = {}
    for a in node.attribute:
        out[a.name] = {1: lambda a: a.f, 2: lambda a: a.i, 3: lambda a: a.s.decode(), 4: lambda a: torch.from_numpy(numpy_helper.to_array(a.t).copy()),
                       6: lambda a: list(a.floats), 7: lambda a: list(a.ints)}[a.type](a)
    return out


def ints(value):
    return [int(v) for v in value.reshape(-1).tolist()]


def conv(a, x, w, b=None):
    n = w.dim() - 2
    pads = a.get("pads", [0] * 2 * n)
    assert a.get("auto_pad", "NOTSET") == "NOTSET"
    x = F.pad(x, [p for k in reversed(range(n)) for p in (pads[k], pads[k + n])])
    return torch.nn.functional.__dict__[f"conv{n}d"](x, w, b, a.get("strides", 1), 0, a.get("dilations", 1), a.get("group", 1))


def slices(a, x, starts, ends, axes=None, steps=None):
    axes = ints(axes) if axes is not None else range(len(ints(starts)))
    steps = ints(steps) if steps is not None else [1] * len(ints(starts))
    for start, end, axis, step in zip(ints(starts), ints(ends), axes, steps):
        chosen = range(x.shape[axis])[slice(start, end if end > -2**62 else None, step)]
        x = x.index_select(axis, torch.tensor(list(chosen), dtype=torch.int64))
    return x


def pad(a, x, pads, value=None, axes=None):
    assert a.get("mode", "constant") == "constant" and axes is None
    p, n = ints(pads), x.dim()
    return F.pad(x, [q for k in reversed(range(n)) for q in (p[k], p[k + n])], value=0.0 if value is None else float(value))


def resize(a, x, roi=None, scales=None, sizes=None):
    size = ints(sizes)[2:] if sizes is not None else [int(s * e) for s, e in zip(scales.tolist()[2:], x.shape[2:])]
    assert a["mode"] == "nearest"
    return F.interpolate(x, size=size, mode="nearest")


def reshape(a, x, shape):
    want = [x.shape[k] if s == 0 and not a.get("allowzero") else s for k, s in enumerate(ints(shape))]
    return x.reshape(want)


def split(a, x, sizes=None):
    axis = a.get("axis", 0)
    return torch.split(x, ints(sizes) if sizes is not None else x.shape[axis] // a["num_outputs"], axis)


def reduce(function):
    def run(a, x, axes=None):
        axes = a.get("axes") or (ints(axes) if axes is not None else list(range(x.dim())))
        return function(x, axes, bool(a.get("keepdims", 1)))
    return run


def squeeze(a, x, axes=None):
    for axis in sorted((k % x.dim() for k in (ints(axes) if axes is not None else [])), reverse=True):
        x = x.squeeze(axis)
    return x


def unsqueeze(a, x, axes):
    rank = x.dim() + len(ints(axes))
    for axis in sorted(k % rank for k in ints(axes)):
        x = x.unsqueeze(axis)
    return x


def gather(a, x, i):
    axis = a.get("axis", 0) % x.dim()
    i = torch.where(i < 0, i + x.shape[axis], i)
    return x.index_select(axis, i.reshape(-1)).reshape([*x.shape[:axis], *i.shape, *x.shape[axis + 1:]])


def layer_norm(a, x, w, b=None):
    axis = a.get("axis", -1) % x.dim()
    return F.layer_norm(x, x.shape[axis:], w, b, a.get("epsilon", 1e-5))


def group_norm(a, x, w, b):
    return F.group_norm(x, a["num_groups"], w, b, a.get("epsilon", 1e-5))


def division(a, x, y):
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


OPS = {
    "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y, "Mul": lambda a, x, y: x * y, "Div": division, "Pow": lambda a, x, y: x**y, "MatMul": lambda a, x, y: x @ y,
    "Sqrt": lambda a, x: torch.sqrt(x), "Erf": lambda a, x: torch.erf(x), "Exp": lambda a, x: torch.exp(x), "Sin": lambda a, x: torch.sin(x), "Cos": lambda a, x: torch.cos(x), "Log": lambda a, x: torch.log(x),
    "Tanh": lambda a, x: torch.tanh(x), "Sigmoid": lambda a, x: torch.sigmoid(x), "Neg": lambda a, x: -x, "Relu": lambda a, x: torch.relu(x), "Abs": lambda a, x: x.abs(), "Not": lambda a, x: ~x, "Reciprocal": lambda a, x: 1 / x,
    "Gelu": lambda a, x: F.gelu(x, approximate=a.get("approximate", "none")), "Softmax": lambda a, x: torch.softmax(x, a.get("axis", -1)),
    "Equal": lambda a, x, y: x == y, "Greater": lambda a, x, y: x > y, "Less": lambda a, x, y: x < y, "LessOrEqual": lambda a, x, y: x <= y, "GreaterOrEqual": lambda a, x, y: x >= y, "And": lambda a, x, y: x & y, "Or": lambda a, x, y: x | y,
    "Where": lambda a, c, x, y: torch.where(c, x, y), "Cast": lambda a, x: x.to(DTYPES[a["to"]]), "Identity": lambda a, x: x, "Shape": lambda a, x: torch.tensor(list(x.shape)[a.get("start", 0):a.get("end")], dtype=torch.int64),
    "Constant": lambda a: a["value"] if "value" in a else torch.tensor(next(iter(a.values()))), "ConstantOfShape": lambda a, s: torch.full(ints(s), a.get("value", torch.zeros(1)).item(), dtype=a.get("value", torch.zeros(1)).dtype),
    "Conv": conv, "Gemm": lambda a, x, y, c=None: a.get("alpha", 1.0) * ((x.T if a.get("transA") else x) @ (y.T if a.get("transB") else y)) + (0 if c is None else a.get("beta", 1.0) * c),
    "Concat": lambda a, *xs: torch.cat(xs, a["axis"]), "Slice": slices, "Pad": pad, "Resize": resize, "Reshape": reshape, "Split": split, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Gather": gather,
    "Expand": lambda a, x, s: x * torch.ones(ints(s), dtype=x.dtype) if x.dtype != torch.bool else x.expand(torch.broadcast_shapes(x.shape, ints(s))), "Flatten": lambda a, x: x.flatten(0, a.get("axis", 1) - 1).flatten(1) if a.get("axis", 1) > 0 else x.reshape(1, -1),
    "Transpose": lambda a, x: x.permute(a.get("perm", list(reversed(range(x.dim()))))), "Range": lambda a, s, e, d: torch.arange(s.item(), e.item(), d.item(), dtype=s.dtype), "ArgMax": lambda a, x: x.int().argmax(a.get("axis", 0), bool(a.get("keepdims", 1))),
    "InstanceNormalization": lambda a, x, w, b: F.instance_norm(x, weight=w, bias=b, eps=a.get("epsilon", 1e-5)), "LayerNormalization": layer_norm, "GroupNormalization": group_norm,
    "ReduceMean": reduce(lambda x, axes, keep: x.mean(axes, keep)), "ReduceSum": reduce(lambda x, axes, keep: x.sum(axes, keep)), "ReduceL2": reduce(lambda x, axes, keep: x.square().sum(axes, keep).sqrt()), "ReduceMax": reduce(lambda x, axes, keep: x.amax(axes, keep)),
    "Clip": lambda a, x, low=None, high=None: torch.clamp(x, low, high), "Tile": lambda a, x, r: x.repeat(ints(r)), "Trilu": lambda a, x, k=None: (torch.triu if a.get("upper", 1) else torch.tril)(x, 0 if k is None else int(k)),
}


def run(model, feeds, wrt):
    """Outputs and the leaves (inputs or initializers) named in `wrt`, on PyTorch's tape."""
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    values.update(feeds)
    leaves = {}
    for name in wrt:
        values[name] = leaves[name] = values[name].detach().clone().requires_grad_(True)
    for node in model.graph.node:
        assert node.domain in ("", "ai.onnx"), node.domain
        given = [values[name] if name else None for name in node.input]
        made = OPS[node.op_type](attributes(node), *given)
        for name, value in zip(node.output, made if isinstance(made, tuple) else (made,)):
            values[name] = value
    return {output.name: values[output.name] for output in model.graph.output}, leaves
