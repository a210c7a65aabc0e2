"""Exports the trained networks to a model pack and writes its golden values: export.py RUN PACK GOLDEN VERSION [MODEL_CARD_JSON]

Graphs, names and folders are those of ONNX exports of Stable Diffusion v1 and CLIP; pack.json adds roles, taps and constants.
"""
import hashlib
import json
import os
import shutil
import sys

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from pack import CLIP_MEAN, CLIP_PIXELS, CLIP_STD, CONTEXT, PIXELS, TEXT_WIDTH, load_tokenizer, token_ids
from train_unet import SCHEDULE

OPSET = 17
CAPTION = "a large striped red ball on the grass on a sunny day"
# Agreement asked of ONNX Runtime with PyTorch here, relative to the largest value: float32 sums in another order.
TOLERANCE = 2e-4


class Encoder(torch.nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, sample):
        return self.vae.quant_conv(self.vae.encoder(sample))


class Decoder(torch.nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, latent_sample):
        return self.vae.decoder(self.vae.post_quant_conv(latent_sample))


class Unet(torch.nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class Text(torch.nn.Module):
    """The text tower with its causal mask written out (the library builds it in a way that tracing cannot follow)."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        inner = getattr(self.model, "text_model", self.model)
        states = inner.embeddings(input_ids=input_ids)
        length = input_ids.shape[1]
        places = torch.arange(length)
        mask = (places[None, :] > places[:, None]).float() * -1e9
        for layer in inner.encoder.layers:
            out = layer(states, attention_mask=mask[None, None])
            states = out[0] if isinstance(out, tuple) else out
        states = inner.final_layer_norm(states)
        ends = (input_ids == self.model.config.eos_token_id).int().argmax(-1)
        pooled = states[torch.arange(input_ids.shape[0]), ends]
        return self.model.text_projection(pooled), states


class Image(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        out = self.model(pixel_values, output_hidden_states=True)
        return (out.image_embeds, out.last_hidden_state, *out.hidden_states)


def export(module, args, path, inputs, outputs, dynamic):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    torch.onnx.export(module.eval(), args, path, input_names=inputs, output_names=outputs, dynamic_axes=dynamic,
                      opset_version=OPSET, do_constant_folding=True, dynamo=False)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    domains = {node.domain for node in model.graph.node}
    assert domains <= {"", "ai.onnx"}, domains
    return model


def summary(array):
    """Shape, mean, deviation, and values at sixteen places spread over the flattened array."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    at = np.linspace(0, flat.size - 1, min(16, flat.size)).round().astype(int)
    return {"shape": list(np.shape(array)), "mean": float(flat.mean()), "std": float(flat.std()),
            "at": at.tolist(), "values": flat[at].tolist()}


def fixed(shape, phase):
    """A fixed smooth array that any language can rebuild: sin(0.37 k + phase) over the flattened index k."""
    return np.sin(0.37 * np.arange(int(np.prod(shape)), dtype=np.float64) + phase).reshape(shape).astype(np.float32)


BLOCKS = 6
STATES = ["image_embeds", "last_hidden_state", *(f"hidden_states.{k}" for k in range(BLOCKS + 1))]
# Names of inputs and outputs of each graph, and which of their axes may have any length.
AXES = {
    "text_encoder": (["input_ids"], ["text_embeds", "last_hidden_state"],
                     {"input_ids": {0: "batch_size", 1: "sequence_length"}, "text_embeds": {0: "batch_size"}, "last_hidden_state": {0: "batch_size", 1: "sequence_length"}}),
    "image_encoder": (["pixel_values"], STATES, {name: {0: "batch_size"} for name in ["pixel_values", *STATES]}),
    "vae_encoder": (["sample"], ["latent_parameters"], {"sample": {0: "batch_size"}, "latent_parameters": {0: "batch_size"}}),
    "vae_decoder": (["latent_sample"], ["sample"], {"latent_sample": {0: "batch_size"}, "sample": {0: "batch_size"}}),
    "unet": (["sample", "timestep", "encoder_hidden_states"], ["out_sample"],
             {"sample": {0: "batch_size"}, "timestep": {0: "steps"}, "encoder_hidden_states": {0: "batch_size", 1: "sequence_length"}, "out_sample": {0: "batch_size"}}),
}


def examples(tokenizer):
    """Fixed inputs of each network, by name."""
    return {"text_encoder": {"input_ids": token_ids(tokenizer, [CAPTION])},
            "image_encoder": {"pixel_values": torch.from_numpy(fixed((1, 3, CLIP_PIXELS, CLIP_PIXELS), 0.1))},
            "vae_encoder": {"sample": torch.from_numpy(fixed((1, 3, PIXELS, PIXELS), 0.2))},
            "vae_decoder": {"latent_sample": torch.from_numpy(fixed((1, 4, 16, 16), 0.3))},
            "unet": {"sample": torch.from_numpy(fixed((1, 4, 16, 16), 0.3)), "timestep": torch.tensor([501]),
                     "encoder_hidden_states": torch.from_numpy(fixed((1, CONTEXT, TEXT_WIDTH), 0.4))}}


def main():
    run, pack, golden, version = sys.argv[1:5]
    torch.set_num_threads(1)
    vae = AutoencoderKL.from_pretrained(f"{run}/vae").eval()
    unet = UNet2DConditionModel.from_pretrained(f"{run}/unet").eval()
    text = CLIPTextModelWithProjection.from_pretrained(f"{run}/text_encoder", attn_implementation="eager").eval()
    vision = CLIPVisionModelWithProjection.from_pretrained(f"{run}/image_encoder", attn_implementation="eager").eval()
    os.makedirs(pack, exist_ok=True)
    shutil.rmtree(f"{pack}/tokenizer", ignore_errors=True)
    shutil.copytree(f"{run}/tokenizer", f"{pack}/tokenizer")
    tokenizer = load_tokenizer(f"{run}/tokenizer")
    inputs = examples(tokenizer)
    ids = inputs["text_encoder"]["input_ids"]
    assert ids[0].tolist().index(tokenizer.eos_token_id) == len(CAPTION.split(" ")) + 1
    pixels, picture = inputs["image_encoder"]["pixel_values"], inputs["vae_encoder"]["sample"]
    latent, time, context = inputs["unet"].values()
    layers = vision.config.num_hidden_layers
    modules = {"text_encoder": Text(text), "image_encoder": Image(vision), "vae_encoder": Encoder(vae), "vae_decoder": Decoder(vae), "unet": Unet(unet)}
    with torch.no_grad():
        graphs = {name: export(module, tuple(inputs[name].values()), f"{pack}/{name}/model.onnx", *AXES[name]) for name, module in modules.items()}
        names = {name for node in graphs["image_encoder"].graph.node for name in node.output}
        taps = [f"/model/vision_model/encoder/layers.{k}/mlp/fc2/Add_output_0" for k in range(layers)]
        if not set(taps) <= names:
            found = sorted(n for n in names if "fc2" in n)
            raise SystemExit(f"tap names are not in the image encoder; those with fc2: {found}")
        # What PyTorch itself says, hooks for the taps.
        tapped = {}
        blocks = getattr(vision, "vision_model", vision).encoder.layers
        hooks = [layer.mlp.fc2.register_forward_hook(lambda m, i, o, k=k: tapped.__setitem__(k, o)) for k, layer in enumerate(blocks)]
        seen = vision(pixels, output_hidden_states=True)
        for hook in hooks:
            hook.remove()
        said = text(ids)
        parameters = vae._encode(picture) if hasattr(vae, "_encode") else vae.quant_conv(vae.encoder(picture))
        decoded = vae.decode(latent).sample
        guess = unet(latent, time, context).sample
        expected = {
            "text_encoder": {"text_embeds": said.text_embeds, "last_hidden_state": said.last_hidden_state},
            "image_encoder": {"image_embeds": seen.image_embeds, "last_hidden_state": seen.last_hidden_state,
                              **{f"hidden_states.{k}": h for k, h in enumerate(seen.hidden_states)},
                              **{taps[k]: tapped[k] for k in range(layers)}},
            "vae_encoder": {"latent_parameters": parameters}, "vae_decoder": {"sample": decoded}, "unet": {"out_sample": guess},
        }
    arrays = {name: {k: v.numpy() for k, v in given.items()} for name, given in inputs.items()}
    report = {}
    for name, graph in graphs.items():
        exposed = onnx.ModelProto()
        exposed.CopyFrom(graph)
        have = {o.name for o in exposed.graph.output}
        exposed.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in expected[name] if n not in have)
        session = onnxruntime.InferenceSession(exposed.SerializeToString(), providers=["CPUExecutionProvider"])
        got = dict(zip(expected[name], session.run(list(expected[name]), arrays[name])))
        worst = max(float(np.abs(got[k] - v.numpy()).max() / np.abs(v.numpy()).max()) for k, v in expected[name].items())
        assert worst < TOLERANCE, (name, worst)
        # Two different rows in one batch must equal the rows alone: the exported batch axis is real.
        double = {k: (np.concatenate([v, np.flip(v, -1)]) if k != "timestep" else v) for k, v in arrays[name].items()}
        if name != "text_encoder":
            key = list(expected[name])[0]
            both = session.run([key], double)[0]
            alone = session.run([key], {k: (np.ascontiguousarray(np.flip(v, -1)) if k != "timestep" else v) for k, v in arrays[name].items()})[0]
            assert np.abs(both[1] - alone[0]).max() < TOLERANCE * np.abs(alone).max(), name
        report[name] = {"worst": worst, "ops": sorted({n.op_type for n in graph.graph.node}), "nodes": len(graph.graph.node),
                        "megabytes": round(os.path.getsize(f"{pack}/{name}/model.onnx") / 1e6, 2)}
        print(name, report[name], flush=True)

    def save(path, value):
        os.makedirs(os.path.dirname(f"{pack}/{path}"), exist_ok=True)
        with open(f"{pack}/{path}", "w") as file:
            json.dump(value, file, indent=2)
            file.write("\n")

    save("model_index.json", {"_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "PNDMScheduler"],
                              "text_encoder": ["transformers", "CLIPTextModelWithProjection"], "tokenizer": ["transformers", "CLIPTokenizer"],
                              "unet": ["diffusers", "UNet2DConditionModel"], "vae_encoder": ["diffusers", "AutoencoderKL"],
                              "vae_decoder": ["diffusers", "AutoencoderKL"], "image_encoder": ["transformers", "CLIPVisionModelWithProjection"]})
    save("scheduler/scheduler_config.json", {"_class_name": "PNDMScheduler", "set_alpha_to_one": False, "skip_prk_steps": True, "trained_betas": None, **SCHEDULE})
    save("preprocessor_config.json", {"image_processor_type": "CLIPImageProcessor", "do_resize": True, "size": {"shortest_edge": CLIP_PIXELS}, "resample": 2,
                                      "do_center_crop": True, "crop_size": {"height": CLIP_PIXELS, "width": CLIP_PIXELS}, "do_rescale": True,
                                      "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": CLIP_MEAN, "image_std": CLIP_STD})
    for name, model in (("unet", unet), ("vae_encoder", vae), ("vae_decoder", vae)):
        save(f"{name}/config.json", {k: v for k, v in model.config.items() if k != "_name_or_path"})
    for name, model in (("text_encoder", text), ("image_encoder", vision)):
        save(f"{name}/config.json", {k: v for k, v in model.config.to_dict().items() if k != "_name_or_path"})
    files = sorted(os.path.relpath(os.path.join(root, f), pack) for root, _, fs in os.walk(pack) for f in fs if f not in ("pack.json", "MODEL_CARD.md"))
    save("pack.json", {
        "name": "demo", "version": version, "licence": "MIT", "synthetic": True, "image": {"pixels": PIXELS},
        "contextLength": CONTEXT, "latentShape": [4, 16, 16],
        "tokenizer": "tokenizer", "scheduler": "scheduler/scheduler_config.json",
        "roles": {
            "textEncoder": {"file": "text_encoder/model.onnx", "inputs": {"ids": "input_ids"}, "idType": "int64",
                            "outputs": {"states": "last_hidden_state", "embedding": "text_embeds"}, "width": TEXT_WIDTH},
            "imageEncoder": {"file": "image_encoder/model.onnx", "inputs": {"pixels": "pixel_values"}, "pixels": CLIP_PIXELS,
                             "mean": CLIP_MEAN, "std": CLIP_STD, "taps": taps, "tapShape": [vision.config.hidden_size and 65, vision.config.hidden_size],
                             "embedding": "image_embeds", "embeddingWidth": vision.config.projection_dim},
            "vaeEncoder": {"file": "vae_encoder/model.onnx", "inputs": {"picture": "sample"}, "outputs": {"parameters": "latent_parameters"},
                           "scalingFactor": vae.config.scaling_factor},
            "vaeDecoder": {"file": "vae_decoder/model.onnx", "inputs": {"latent": "latent_sample"}, "outputs": {"picture": "sample"},
                           "scalingFactor": vae.config.scaling_factor},
            "unet": {"file": "unet/model.onnx", "inputs": {"sample": "sample", "timestep": "timestep", "context": "encoder_hidden_states"},
                     "outputs": {"noise": "out_sample"}, "prediction": "epsilon"},
        },
        "sha256": {f: hashlib.sha256(open(f"{pack}/{f}", "rb").read()).hexdigest() for f in files},
    })
    os.makedirs(golden, exist_ok=True)
    cases = {"caption": CAPTION, "ids": ids[0].tolist(), "emptyIds": token_ids(tokenizer, [""])[0].tolist(),
             "words": {w: tokenizer(w).input_ids for w in ("Red  BALL", "a zebra", "it's 2 cubes!", "caf\u00e9", "a red ball, on sand.")},
             "inputs": "sin(0.37 k + phase) over the flattened index k, rounded to float32",
             "phases": {"image_encoder": 0.1, "vae_encoder": 0.2, "vae_decoder": 0.3, "unet.sample": 0.3, "unet.encoder_hidden_states": 0.4}, "timestep": 501,
             "networks": {name: {k: summary(v.numpy()) for k, v in values.items()} for name, values in expected.items()}}
    with open(f"{golden}/networks.json", "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")
    import diffusers
    import transformers
    with open(f"{golden}/networks.md", "w") as file:
        file.write(f"""# networks.json

Outputs of the demo pack {version}, computed by PyTorch {torch.__version__} (diffusers {diffusers.__version__}, transformers {transformers.__version__}) on one thread,
not by ONNX Runtime. Written by `python build/modelpack/export.py RUN resources/models/demo test/golden/modelpack {version}`; nothing in it is random:
inputs are `sin(0.37 k + phase)` in float32 over the flattened index k, the caption is in the file. Each network's entry holds shape, mean, deviation and
values at sixteen flattened indices. `words` are token ids of odd texts from transformers' CLIPTokenizer. ONNX Runtime agreed to {TOLERANCE} of the largest value.
""")
    size = sum(os.path.getsize(f"{pack}/{f}") for f in files)
    print("pack", round(size / 1e6, 1), "MB")


if __name__ == "__main__":
    main()
