#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How training scales over processes: measured on this machine, then worked out for others. Two commands:

    .venv/bin/python bench/scaling.py --data DIR      one process on 2 threads and on 1, then two ranks of 1 thread each
    .venv/bin/python bench/scaling.py --paper RUN --images-per-second 300  ranks, bandwidth, from a run of several ranks

The first trains each recipe for a few steps in each of these ways, in turns; images/s is an epoch's own (the
second: the first one warms up), the median over the rounds. The second takes the gradients' buckets out of
RUN/config.json and the layers with batch norm out of RUN/last, and prints how many times as fast as one rank each
number of ranks is (docs/scaling.md has the formula).
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# recipe, batch, steps of an epoch, settings
CASES = [("cifar10-small", 64, 12, ["train.one_step_epochs=0"]),
         ("cifar10", 16, 6, ["train.precision=bf16", "train.warmup_epochs=0", "train.cooldown_epochs=0"])]
WAYS = {"1 process, 2 threads": (1, 2), "1 process, 1 thread": (1, 1), "2 ranks, 1 thread each": (2, 1)}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def train(spikemix, data, recipe, batch, steps, settings, ranks, threads, out):
    command = [spikemix, "train", recipe, "--data", data, "--out", out, "--threads", threads, f"train.batch={batch}",
               "train.epochs=2", f"data.train_images={batch * steps}", "data.test_images=20", "train.eval_every=2",
               *settings]
    port = free_port()
    processes = []
    for rank in range(ranks):
        variables = {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank),
                     "LOCAL_WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1",
                     "MASTER_PORT": port} if ranks > 1 else {}
        # Threads that spin while they wait would take cores from other programs here.
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive", **variables}
        processes.append(subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE,
                                          stdout=subprocess.DEVNULL, text=True))
    for process in processes:
        _, errors = process.communicate()
        if process.returncode:
            sys.exit(errors)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line["images_per_second"] for line in lines if line["type"] == "epoch"][-1]


def measure(a):
    print("| | " + " | ".join(WAYS) +
          " | two ranks against 2 threads | against 1 thread | buckets of gradients, bytes |")
    print("|---|" + "---|" * (len(WAYS) + 3))
    for recipe, batch, steps, settings in CASES:
        if recipe not in a.recipes.split(","):
            continue
        rates = {way: [] for way in WAYS}
        with tempfile.TemporaryDirectory() as folder:
            for turn in range(a.rounds):
                for way, (ranks, threads) in WAYS.items():
                    out = pathlib.Path(folder) / f"{turn}-{ranks}-{threads}"
                    rates[way].append(
                        train(a.build / "spikemix", a.data, recipe, batch, steps, settings, ranks, threads, out))
            buckets = json.loads((out / "config.json").read_text())["effective"]["bucket_bytes"]
            if a.keep:
                shutil.copytree(out, a.keep / recipe)
        *ones, two = rates.values()
        ratios = [statistics.median(t / o for t, o in zip(two, one)) for one in ones]
        medians = " | ".join(f"{statistics.median(r):.1f} img/s" for r in rates.values())
        print(f"| {recipe}, batch {batch} | {medians}"
              f" | {ratios[0]:.2f}x | {ratios[1]:.2f}x | {' + '.join(map(str, buckets))} |", flush=True)


def batch_norms(model):
    with open(model, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(name.endswith("num_batches_tracked") for name in header)


def paper(a):
    effective = json.loads((a.paper / "config.json").read_text())["effective"]
    buckets = effective["bucket_bytes"]
    if not buckets:
        sys.exit(f"{a.paper}: a run of one process sends no gradients; give one of several ranks")
    layers = batch_norms(a.paper / "last" / "model.safetensors")
    latency = a.latency_us * 1e-6
    ranks_list = [2, 4, 8, 16, 32, 64]
    print(f"{sum(buckets)} bytes of gradients in {len(buckets)} buckets, {layers} layers with batch norm; "
          f"{a.images_per_second} img/s and {a.images} images of each rank a step, {a.latency_us:g} us a message.")
    print("| Gbit/s | " + " | ".join(f"{r} ranks" for r in ranks_list) + " |")
    print("|---|" + "---|" * len(ranks_list))
    compute = a.images / a.images_per_second
    for gigabits in [1, 10, 25, 100]:
        row = []
        for ranks in ranks_list:
            ring = lambda size: 2 * (ranks - 1) * (size / ranks / (gigabits * 1.25e8) + latency)
            exposed = max(ring(buckets[-1]), sum(map(ring, buckets)) - 2 / 3 * compute)
            small = 2 * layers * 2 * (ranks - 1) * latency
            row.append(ranks * compute / (compute + exposed + small))
        print(f"| {gigabits} | " + " | ".join(f"{speed:.1f}x" for speed in row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="CIFAR-10: folder or archive")
    parser.add_argument("--recipes", default=",".join(case[0] for case in CASES), help="joined by commas; %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=pathlib.Path, help="put a run of two ranks of each recipe there, for --paper")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--paper", type=pathlib.Path, metavar="RUN", help="a run of several ranks")
    parser.add_argument("--images-per-second", type=float, help="of one rank alone")
    parser.add_argument("--images", type=int, default=128, help="of each rank in a step")
    parser.add_argument("--latency-us", type=float, default=50, help="of one message between two ranks")
    a = parser.parse_args()
    if a.paper and a.images_per_second:
        paper(a)
    elif a.data:
        measure(a)
    else:
        parser.error("give --data, or --paper and --images-per-second")


if __name__ == "__main__":
    main()
