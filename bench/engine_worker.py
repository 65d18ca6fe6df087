# SPDX-License-Identifier: MIT
"""A contender of engines.py: one dense way to run a trained model; one answer for each line on stdin.

usage: engine_worker.py prepare|run SPEC_JSON

`prepare` exports the model to ONNX and quantises it, in a process that then ends: its memory does not count for the
processes that run the model. `run` answers "turn" (all images once: {"seconds", "cpu_seconds"}), "logits" (of the
images to check: {"logits"}) and "memory" ({"peak_bytes"} since the warm-up). Images are normalised before any clock
runs, as in `spikemix bench`.

SPEC: model (model.safetensors), mixer (the peer's name for it; a dense twin has none), how (eager-fp32,
..., ov-int8; prepare: all of them), threads, batch, images, check and calibration (files of uint8 [N, 3, H, W]), folder
(where the exported models lie).
"""
import json
import logging
import os
import pathlib
import sys
import time
import warnings

import numpy



def read_card(spec):
    from safetensors import safe_open

    with safe_open(spec["model"], "numpy") as file:
        return json.loads(file.metadata()["spikemix"])


def batches_of(spec, name, card):
    """The batches [B, 3, H, W] of an image file, normalised as spikemix does it."""
    model, batch = card["model"], spec["batch"]
    pixels = numpy.fromfile(spec[name], numpy.uint8).reshape(-1, model["channels"], model["height"], model["width"])
    mean, std = (numpy.array(card[key], numpy.float32).reshape(-1, 1, 1) for key in ("mean", "std"))
    x = (pixels.astype(numpy.float32) / 255 - mean) / std
    return [x[i : i + batch] for i in range(0, len(x), batch)]


def load_peer(spec, card):
    """The peer, with the trained weights."""
    if card["neuron"]["kind"] == "relu":
        from safetensors.torch import load_file
        from torch_twin import Twin

        return Twin(card, load_file(spec["model"])).eval()
    from torch_spikformer import Spikformer, load_weights

    m = card["model"]
    heads = m["heads"][0] if isinstance(m["heads"], list) else m["heads"]
    model = Spikformer(spec["mixer"], d=m["embed_dim"], depth=m["depth"], heads=heads, T=m["T"], size=m["height"],
                       cin=m["channels"], classes=m["classes"], pools=m["pool"])
    load_weights(model, spec["model"])
    return model.eval()


def without_complex_numbers(model, tokens):
    """Fourier mixers as products of real matrices, because ONNX does not export complex numbers.

    Re(F_N x F_D) = C_N x C_D - S_N x S_D, where F = C - iS.
    """
    import torch

    def fourier(n):
        angle = 2 * torch.pi * torch.outer(torch.arange(n), torch.arange(n)).remainder(n).double() / n
        return torch.nn.Buffer(angle.cos().float()), torch.nn.Buffer(angle.sin().float())

    class Products(torch.nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.both_axes, self.bn, self.lif = layer.kind == "fft2d", layer.bn, layer.lif
            self.cos_n, self.sin_n = fourier(tokens)
            if self.both_axes:
                self.cos_d, self.sin_d = fourier(layer.bn.num_features)

        def forward(self, x):
            y = self.cos_n @ x
            if self.both_axes:
                y = y @ self.cos_d - (self.sin_n @ x) @ self.sin_d
            return self.lif(self.bn(y.flatten(0, 2)).view(x.shape))

    for block in model.block:
        if getattr(block.attn, "kind", "").startswith("fft"):
            block.attn = Products(block.attn)


def exported(spec, kind):
    return pathlib.Path(spec["folder"]) / f"batch{spec['batch']}.{kind}"


def prepare(spec):
    import torch

    card = read_card(spec)
    model = load_peer(spec, card)
    if card["neuron"]["kind"] != "relu":
        side = card["model"]["height"] >> sum(card["model"]["pool"])
        without_complex_numbers(model, side * side)
    batches = batches_of(spec, "calibration", card)
    torch.onnx.export(model, (torch.from_numpy(batches[0]),), str(exported(spec, "onnx")), opset_version=18,
                      dynamo=True, verbose=False)
    if "ov-int8" not in spec["how"]:
        return
    os.environ["NNCF_CI"] = "1"  # sends no statistics about its use
    import nncf
    import openvino

    quantised = nncf.quantize(openvino.Core().read_model(exported(spec, "onnx")), nncf.Dataset(batches),
                              subset_size=len(batches))
    openvino.save_model(quantised, exported(spec, "xml"), compress_to_fp16=False)


def torch_runner(spec, card):
    import torch
    import torch._inductor.config

    torch.set_num_threads(spec["threads"])
    torch.set_flush_denormal(True)
    model = load_peer(spec, card)
    if spec["how"].startswith("compile"):
        torch._inductor.config.freezing = True  # weights are constants: batch norms fold, weights are packed once
        model = torch.compile(model)

    def run(x):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=spec["how"].endswith("bf16")):
            return model(torch.from_numpy(x)).float().numpy()

    return run


def onnx_runner(spec, card):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = spec["threads"]
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(exported(spec, "onnx"), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def openvino_runner(spec, card):
    import openvino

    precision = spec["how"].removeprefix("ov-")
    compiled = openvino.Core().compile_model(exported(spec, "xml" if precision == "int8" else "onnx"), "CPU", {
        "INFERENCE_PRECISION_HINT": "f32" if precision == "fp32" else "bf16",
        "INFERENCE_NUM_THREADS": spec["threads"], "PERFORMANCE_HINT": "LATENCY"})
    return lambda x: compiled([x])[0]


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def run(spec):
    answers, sys.stdout = sys.stdout, sys.stderr  # compilers and exporters print to it
    card = read_card(spec)
    images, check = (batches_of(spec, name, card) for name in ("images", "check"))
    make = {"ort": onnx_runner, "ov": openvino_runner}.get(spec["how"].split("-")[0], torch_runner)
    forward = make(spec, card)
    for x in images:
        forward(x)
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")  # resets the peak, so that it is inference's own

    def answer(document):
        print(json.dumps(document), file=answers, flush=True)

    answer({})
    for line in sys.stdin:
        command = line.strip()
        if command == "memory":
            answer({"peak_bytes": peak_bytes()})
        elif command == "logits":
            answer({"logits": [row.tolist() for x in check for row in forward(x)]})
        else:
            begin, cpu_begin = time.perf_counter(), time.process_time()
            for x in images:
                forward(x)
            answer({"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu_begin})


def main():
    warnings.simplefilter("ignore")  # exporters and compilers warn about things that are intended
    logging.disable(logging.WARNING)
    mode, spec = sys.argv[1:]
    {"prepare": prepare, "run": run}[mode](json.loads(spec))


main()
