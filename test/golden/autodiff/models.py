"""Whole models against PyTorch's autograd: python test/golden/autodiff/models.py (from the repository's root)

Weights are made from names and shapes (torch_graph.seeded), so nothing here depends on how the demo pack was trained, only on names and shapes of its
graphs. Demo pack: its own files. The others are exported here by the real exporters from transformers' and diffusers' modules, checked against the
module's own autograd with the module's own weights, and kept as graphs with blank weights (models/NAME.onnx.gz).

models.json: model -> inputs, gradient of <w, outputs> at places spread over each input, and outputs at places. Inputs and cotangents are waves:
input i at flattened index k is sin(0.37 k + i), the cotangent of output i is cos(0.61 k + i), both float32; ids count 3, 4, ... modulo 50.

`half-` models are exports of module.half(). Weights and waves are rounded to float16; the answer is autograd in float32 on the graph with every float16
replaced by float32 (torch_graph.widened): the number that half precision approximates, without any rounding of its own beyond float32's.
"""
import gzip
import json
import pathlib
import sys
import tempfile
import warnings

import numpy as np
import onnx
import torch
import torch_graph

HERE = pathlib.Path(__file__).parent
PLACES = 512
SEED = 1
DEMO = {"text_encoder": dict(wrt=["model.text_model.embeddings.token_embedding.weight"], axes={"batch_size": 2, "sequence_length": 24}), "image_encoder": dict(wrt=["pixel_values"], axes={"batch_size": 2}),
        "vae_encoder": dict(wrt=["sample"], axes={"batch_size": 1}), "vae_decoder": dict(wrt=["latent_sample"], axes={"batch_size": 1}),
        "unet": dict(wrt=["sample", "encoder_hidden_states"], axes={"batch_size": 2, "steps": 1, "sequence_length": 24})}


def feed(info, index, axes):
    shape = [d.dim_value if d.HasField("dim_value") else axes[d.dim_param] for d in info.type.tensor_type.shape.dim]
    k = np.arange(int(np.prod(shape)))
    if info.type.tensor_type.elem_type in torch_graph.WEIGHTS:
        return torch.from_numpy(np.sin(0.37 * k + index).reshape(shape).astype(np.float32).astype(torch_graph.WEIGHTS[info.type.tensor_type.elem_type]).astype(np.float32))
    kind = {onnx.TensorProto.INT64: np.int64, onnx.TensorProto.INT32: np.int32}[info.type.tensor_type.elem_type]
    return torch.from_numpy((3 + k % 50).reshape(shape).astype(kind))


def cotangent(value, index, half=False):
    k = np.arange(value.numel())
    wave = torch.from_numpy(np.cos(0.61 * k + index).reshape(value.shape).astype(np.float32))
    return wave.half().float() if half else wave


def places(array):
    flat = array.detach().double().numpy().ravel()
    at = np.unique(np.linspace(0, flat.size - 1, min(PLACES, flat.size)).round().astype(int))
    return {"shape": list(array.shape), "norm": float(np.linalg.norm(flat)), "at": at.tolist(), "values": [float(f"{v:.7g}") for v in flat[at]]}


def gradients(outputs, leaves, half=False):
    loss = sum((value * cotangent(value, i, half)).sum() for i, value in enumerate(v for v in outputs.values() if v.is_floating_point()))
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


def entry(model, wrt, axes):
    taken = {t.name for t in model.graph.initializer}
    feeds = {info.name: feed(info, i, axes) for i, info in enumerate(info for info in model.graph.input if info.name not in taken)}
    half = any(info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16 for info in model.graph.output)
    outputs, leaves = torch_graph.run(torch_graph.widened(model) if half else model, feeds, wrt)
    found = gradients(outputs, leaves, half)
    return {"wrt": wrt, "inputs": {name: list(value.shape) for name, value in feeds.items()},
            "outputs": {name: places(value) for name, value in outputs.items()}, "gradients": {name: places(value) for name, value in found.items()}}


class First(torch.nn.Module):
    """A module of positional inputs and plain tensors out."""

    def __init__(self, inner, call):
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, *args):
        return self.call(self.inner, *args)


def exported():
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection
    torch.manual_seed(SEED)
    unet = UNet2DConditionModel(sample_size=8, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32, attention_head_dim=4, norm_num_groups=8,
                                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
    vae = AutoencoderKL(block_out_channels=(32, 32), norm_num_groups=8, layers_per_block=1, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, sample_size=16)
    text = CLIPTextModel(CLIPTextConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=16, attn_implementation="eager"))
    vit = CLIPVisionModelWithProjection(CLIPVisionConfig(attn_implementation="eager"))
    sample, latent = torch.randn(2, 4, 8, 8), torch.randn(1, 4, 8, 8)
    context = torch.randn(2, 7, 32)
    unet_call = First(unet, lambda m, s, t, c: m(s, t, c, return_dict=False)[0])
    return [
        ("sd-unet-opset14", unet_call, (sample, torch.tensor(11), context), ["sample", "timestep", "encoder_hidden_states"], ["out_sample"], ["sample", "encoder_hidden_states"], 14),
        ("sd-unet-opset20", unet_call, (sample, torch.tensor(11), context), ["sample", "timestep", "encoder_hidden_states"], ["out_sample"], ["sample", "encoder_hidden_states"], 20),
        ("sd-vae-decoder", First(vae, lambda m, z: m.decode(z, return_dict=False)[0]), (latent,), ["latent_sample"], ["sample"], ["latent_sample"], 17),
        ("sd-vae-encoder", First(vae, lambda m, x: m.quant_conv(m.encoder(x))), (torch.randn(1, 3, 16, 16),), ["sample"], ["latent_parameters"], ["sample"], 17),
        ("clip-text", First(text, lambda m, e: m.final_layer_norm(m.encoder(inputs_embeds=e)[0]) if hasattr(m, "encoder") else m.text_model.final_layer_norm(m.text_model.encoder(inputs_embeds=e)[0])),
         (torch.randn(2, 16, 32),), ["states"], ["last_hidden_state"], ["states"], 17),
        ("clip-vit-base-patch32", First(vit, lambda m, x: (m(x).image_embeds)), (torch.randn(1, 3, 224, 224),), ["pixel_values"], ["image_embeds"], ["pixel_values"], 17),
    ]


def small_vision():
    """An image encoder whose fixture stays small."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
    torch.manual_seed(SEED)
    vision = CLIPVisionModelWithProjection(CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8, projection_dim=16, attn_implementation="eager"))
    return [First(vision, lambda m, x: m(x).image_embeds), (torch.randn(1, 3, 32, 32),), ["pixel_values"], ["image_embeds"], ["pixel_values"], 18]


def exported_by_dynamo():
    """The same kinds of networks as the newer exporter writes them."""
    small = {name: rest for name, *rest in exported() if name in ("sd-unet-opset20", "sd-vae-decoder", "clip-text")}
    small["clip-vision"] = small_vision()
    return [(f"dynamo-{name.removesuffix('-opset20')}", *rest[:-1], max(18, rest[-1])) for name, rest in small.items()]


def halved():
    """Half-precision forms by both exporters."""
    older = [(name, *rest) for name, *rest in exported() if name in ("sd-unet-opset14", "sd-vae-decoder", "clip-text")]
    for name, module, args, *rest in [*older, ("clip-vision", *small_vision()), *exported_by_dynamo()]:
        yield (f"half-{name}", module.half(), tuple(arg.half() if arg.is_floating_point() else arg for arg in args), *rest)


def export(module, args, inputs, outputs, opset, dynamo):
    with tempfile.TemporaryDirectory() as folder:
        torch.onnx.export(module.eval(), args, f"{folder}/m.onnx", input_names=inputs, output_names=outputs, opset_version=opset, dynamo=dynamo, **({"external_data": False} if dynamo else {}))
        model = onnx.load(f"{folder}/m.onnx")
    # The newer exporter notes where in the sources each node came from: paths of this machine, and most of the file.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:], model.metadata_props[:], model.graph.metadata_props[:]
    return model


def own_autograd(module, args, wrt_at, model, inputs, wrt):
    """PyTorch's autograd through the module itself and through the exported graph must agree: then the graph may stand for the module. In half precision
    the exporter rounds the module's constants too (1.702 of QuickGELU by 2e-4, 1 / sqrt(width)), hence the wider limit."""
    limit = 1e-4
    if args[0].dtype == torch.float16:
        module, args, model, limit = module.float(), tuple(arg.float() if arg.is_floating_point() else arg for arg in args), torch_graph.widened(model), 5e-3
    leaves = [arg.detach().clone().requires_grad_(i in wrt_at) if arg.is_floating_point() else arg for i, arg in enumerate(args)]
    made = module(*leaves)
    direct = torch.autograd.grad((made * cotangent(made, 0)).sum(), [leaves[i] for i in wrt_at])
    outputs, found = torch_graph.run(model, dict(zip(inputs, args)), wrt)
    for a, b in zip(direct, gradients(outputs, found).values()):
        error = float((a - b).norm() / a.norm())
        assert error < limit, error
    return error


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    only = set(sys.argv[1:])
    target = HERE / "models.json"
    answers = json.loads(target.read_text())["models"] if target.exists() else {}
    (HERE / "models").mkdir(exist_ok=True)
    for name, given in DEMO.items():
        if only and f"demo-{name}" not in only:
            continue
        model = onnx.load(f"resources/models/demo/{name}/model.onnx")
        torch_graph.reseed(model)
        answers[f"demo-{name}"] = {"file": f"resources/models/demo/{name}/model.onnx", **entry(model, **given)}
        print(f"demo-{name}", flush=True)
    for name, module, args, inputs, outputs, wrt, opset in [*exported(), *exported_by_dynamo(), *halved()]:
        if only and name not in only:
            continue
        model = export(module.requires_grad_(False), args, inputs, outputs, opset, "dynamo-" in name)
        error = own_autograd(module, args, [inputs.index(each) for each in wrt], model, inputs, wrt)
        torch_graph.reseed(model)
        answers[name] = {"file": f"test/golden/autodiff/models/{name}.onnx.gz", "exportedGraphAgainstModule": error, **entry(model, wrt, {})}
        torch_graph.blank(model)
        with open(HERE / f"models/{name}.onnx.gz", "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
            packed.write(model.SerializeToString())
        print(name, error, (HERE / f"models/{name}.onnx.gz").stat().st_size, flush=True)
    import diffusers
    import transformers
    note = {"torch": torch.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__, "onnx": onnx.__version__}
    target.write_text('{"provenance": %s, "models": {\n%s\n}}\n' % (json.dumps(note), ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in answers.items())))


main()
