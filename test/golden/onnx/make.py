"""Writes odd.onnx: the encodings that exporters use and our writer does not. Run: python make.py"""
import onnx
from onnx import TensorProto as T, helper as h

scalar = h.make_tensor("half", T.FLOAT16, [2], [1.5, -2.0])  # int32_data
weights = h.make_tensor("weights", T.FLOAT, [2, 3], [1, 2, 3, 4, 5, 6])  # float_data
doubles = h.make_tensor("doubles", T.DOUBLE, [2], [0.1, -1e300])  # double_data
large = h.make_tensor("large", T.INT64, [3], [2**62, -1, 9223372036854775807])  # int64_data
flags = h.make_tensor("flags", T.BOOL, [2], [1, 0])
tiny = h.make_tensor("tiny", T.INT8, [2], [-128, 5])
outside = T(name="outside", data_type=T.FLOAT, dims=[1000], data_location=T.EXTERNAL)
for key, value in (("location", "odd.bin"), ("offset", "4096"), ("length", "4000")):
    outside.external_data.add(key=key, value=value)
branch = lambda name, op: h.make_graph([h.make_node(op, ["product", "product"], [name])], name, [], [h.make_tensor_value_info(name, T.FLOAT, ["n", 3])])
nodes = [
    h.make_node("MatMul", ["x", "weights"], ["product"], name="first", doc_string="kept"),
    h.make_node("Constant", [], ["yes"], value=h.make_tensor("v", T.BOOL, [], [1])),
    h.make_node("If", ["yes"], ["y"], then_branch=branch("doubled", "Add"), else_branch=branch("squared", "Mul")),
    h.make_node("LeakyRelu", ["y"], ["z"], alpha=0.125),
]
graph = h.make_graph(nodes, "odd", [h.make_tensor_value_info("x", T.FLOAT, ["n", 2])], [h.make_tensor_value_info("z", T.FLOAT, ["n", 3])],
                     [scalar, weights, doubles, large, flags, tiny, outside], doc_string="graph note",
                     value_info=[h.make_tensor_value_info("product", T.FLOAT, ["n", 3])])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], producer_name="make.py", doc_string="model note")
model.ir_version = 8
h.set_model_props(model, {"author": "Optogram"})
onnx.save(model, "odd.onnx")
