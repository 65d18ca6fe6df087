# SPDX-License-Identifier: MIT
"""The other contender of compare.py: the plain PyTorch Spikformer, one step for each line on stdin.

usage: peer_worker.py MIXER (train|infer) (eager|compile)-(fp32|bf16) THREADS BATCH IMAGES SHAPE_JSON WEIGHTS DEVICE
  WEIGHTS  a trained model's model.safetensors, or "" for random weights whose batch norms are settled by three passes

Speaks step_worker.cc's protocol, with the settings that give the fastest step: denormals flushed, AdamW at 1e-4,
cross entropy, two steps to warm up.
"""
import json
import math
import sys
import time

import numpy
import torch
from torch_spikformer import Spikformer, load_weights


def peak_bytes(device):
    if device != "cpu":
        return torch.cuda.max_memory_reserved(device)
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def reset_peak(device):
    """Resets the peak, so that it is the steps' own."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")


def main():
    mixer, mode, how, threads, batch, images, shape, weights, device = sys.argv[1:]
    shape, batch, bf16 = json.loads(shape), int(batch), how.endswith("bf16")
    torch.manual_seed(0)
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)
    raw = numpy.fromfile(images, numpy.uint8)
    pixel_bytes = batch * math.prod(shape["image"]) * 4
    x = torch.from_numpy(raw[:pixel_bytes].view(numpy.float32).reshape(batch, *shape["image"])).to(device)
    y = torch.from_numpy(raw[pixel_bytes:].view(numpy.int64)).to(device)

    model = Spikformer(mixer, **shape["model"]).to(device).train()
    if weights:
        load_weights(model, weights)
    else:
        with torch.no_grad():
            for _ in range(3):
                model(x)
    reset_peak(device)
    model.train(mode == "train")
    forward = torch.compile(model) if how.startswith("compile") else model
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)

    def step():
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            if mode == "infer":
                with torch.no_grad():
                    return {"logits": forward(x).abs().max().item()}
            loss = torch.nn.functional.cross_entropy(forward(x).float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.item()}

    def answer(document):
        print(json.dumps(document), flush=True)

    step()
    step()
    answer({"ready": f"PyTorch {torch.__version__}", "parameters": sum(p.numel() for p in model.parameters())})
    for line in sys.stdin:
        if line.strip() == "memory":
            answer({"peak_bytes": peak_bytes(device)})
            continue
        begin = time.perf_counter()
        result = step()
        answer({**result, "seconds": time.perf_counter() - begin})


main()
