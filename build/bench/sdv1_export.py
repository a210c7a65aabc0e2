"""A full-size Stable Diffusion v1 UNet of seeded random weights, exported as diffusers exports are: sdv1_export.py DIR

Writes DIR/unet/model.onnx with its weights beside it in model.onnx_data (3.4 GB) and config.json. The same seed gives the benchmark's
PyTorch peer the same weights. About 9 GB of memory.
"""
import json
import os
import sys
import tempfile

import onnx
import torch
from diffusers import UNet2DConditionModel

SEED = 0
OPSET = 17
# runwayml/stable-diffusion-v1-5, unet/config.json
CONFIG = dict(sample_size=64, in_channels=4, out_channels=4, cross_attention_dim=768, attention_head_dim=8,
              block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, norm_num_groups=32,
              down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
              up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"))


def seeded_unet(config=None):
    torch.manual_seed(SEED)
    return UNet2DConditionModel(**(config or CONFIG)).eval().requires_grad_(False)


class Unet(torch.nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


def gather(folder, out):
    """The exporter's one file per tensor, copied behind each other; weights are never all in memory."""
    model = onnx.load(f"{folder}/model.onnx", load_external_data=False)
    at = 0
    with open(f"{out}/model.onnx_data", "wb") as sink:
        for tensor in model.graph.initializer:
            if tensor.data_location != onnx.TensorProto.EXTERNAL:
                continue
            given = {entry.key: entry.value for entry in tensor.external_data}
            with open(f"{folder}/{given['location']}", "rb") as source:
                source.seek(int(given.get("offset", 0)))
                data = source.read(int(given["length"])) if "length" in given else source.read()
            pad = -at % 4096
            sink.write(bytes(pad) + data)
            del tensor.external_data[:]
            for key, value in (("location", "model.onnx_data"), ("offset", at + pad), ("length", len(data))):
                tensor.external_data.add(key=key, value=str(value))
            at += pad + len(data)
    onnx.save(model, f"{out}/model.onnx")
    return at


def main():
    out = f"{sys.argv[1]}/unet"
    os.makedirs(out, exist_ok=True)
    unet = seeded_unet()
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
        args = (torch.zeros(2, 4, 64, 64), torch.tensor([501]), torch.zeros(2, 77, 768))
        torch.onnx.export(Unet(unet), args, f"{folder}/model.onnx", input_names=["sample", "timestep", "encoder_hidden_states"], output_names=["out_sample"],
                          dynamic_axes={"sample": {0: "batch", 2: "height", 3: "width"}, "encoder_hidden_states": {0: "batch", 1: "sequence"}},
                          opset_version=OPSET, do_constant_folding=True, dynamo=False)
        del unet
        written = gather(folder, out)
    with open(f"{out}/config.json", "w") as file:
        json.dump({"_class_name": "UNet2DConditionModel", **CONFIG}, file, indent=1)
    print(f"{out}/model.onnx: {written / 1e9:.2f} GB of weights, torch {torch.__version__}, seed {SEED}")


if __name__ == "__main__":
    main()
