#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times the whole model and prints two tables: (a) spikemix against the plain PyTorch peer, (b) every linear transform
against attention inside spikemix. Training and inference speed, and peak memory.

    .venv/bin/python bench/compare.py                          # both tables, 4-384 at batch 16
    .venv/bin/python bench/compare.py --mixers fft2d --reps 5 --json fft2d.json
    .venv/bin/python bench/compare.py --data DIR               # CIFAR-10: trained weights, real images
    .venv/bin/python bench/compare.py --device cuda --batch 64 # a GPU

Without --data the weights are random and the images noise. With it, each mixer is first trained briefly, once, in
runs/engine-bench (as for engines.py), and all contenders start from those weights: the number of neurons that fire
decides the work of a product of spikes.

Contenders are processes that stay alive and take turns, one step each in every round, so that other work on the
machine affects all equally. A ratio is the median over the rounds of the ratio within a round. Training and inference
run in separate processes, so that each has its own peak memory (VmHWM, reset after the batch norms have settled; a
compiled peer's includes the compiler; on a GPU, what LibTorch takes of its memory). At the published size the
contenders of a table need about 15 GB together; fewer --configs and --precisions need less.
"""
import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
from engine_setup import die, trained_model, write_images

ROOT = pathlib.Path(__file__).resolve().parents[1]
# spikemix's name -> the peer's. The others have no counterpart there.
PEER_NAMES = {"ssa": "ssa", "fft1d": "fft1d", "fft2d": "fft2d", "wt1d": "haar"}
# For speed only: the peer has no wavelet in two dimensions, and does slightly less work than one.
NEAREST = {**PEER_NAMES, "wt2d": "haar"}
MODES = {"train": "training", "infer": "inference"}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default="ab", help="a, b or ab")
    parser.add_argument("--mixers", help="joined by commas; default: a: %s, b: every mixer" % ",".join(NEAREST))
    parser.add_argument("--configs", help="how the peer runs",
                        default="eager-fp32,eager-bf16,compile-fp32,compile-bf16")
    parser.add_argument("--precisions", default="fp32,bf16", help="how spikemix runs; table b takes the first")
    parser.add_argument("--modes", default="train,infer")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--reps", type=int, default=7, help="rounds")
    parser.add_argument("--embed-dim", type=int, default=384)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--time-steps", type=int, default=4)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--data", type=pathlib.Path,
                        help="official binary CIFAR-10 (the published size, or that of --runs)")
    parser.add_argument("--runs", type=pathlib.Path, help="folder of run folders named by mixer, already trained")
    parser.add_argument("--json", type=pathlib.Path, help="write every measured second there")
    return parser.parse_args()


class Contender:
    """A process that stays alive and answers each line with a line of JSON; the first one says that it is ready."""

    def __init__(self, name, process):
        self.name, self.process, self.seconds = name, process, []
        self.info = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {self.name} ended with exit code {self.process.wait()}; its "
                     "message is above")
        return json.loads(line)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.read()

    def leave(self):
        """@return its peak memory in bytes"""
        peak = self.ask("memory")["peak_bytes"]
        self.process.stdin.close()
        self.process.wait()
        return peak

    def kill(self):
        self.process.kill()
        self.process.wait()


class Worker(Contender):
    """Does one step when told to."""

    def __init__(self, name, command, arguments):
        threads = str(arguments.threads)
        super().__init__(name, subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}))
        self.values = []

    def step(self):
        answer = self.ask("step")
        value = answer.get("loss", answer.get("logits"))
        if not math.isfinite(value):
            sys.exit(f"compare.py: {self.name} computed {value}: so its time is meaningless")
        self.seconds.append(answer["seconds"])
        self.values.append(value)

    def finish(self):
        return {"name": self.name, "seconds": self.seconds, "values": self.values, "peak_bytes": self.leave(),
                **self.info}


def race(contenders, mode, arguments):
    """contenders: {name: command without the mode}. Returns {name: result}."""
    workers = []
    try:
        for name, command in contenders.items():
            print(f"  {MODES[mode]}: starting {name}", file=sys.stderr, flush=True)
            workers.append(Worker(name, [mode if part == "MODE" else part for part in command], arguments))
        for _ in range(arguments.reps):
            for worker in workers:
                # OpenMP's threads spin for some milliseconds after a step, waiting for more work, which must not run
                # into the next contender's turn.
                time.sleep(0.05)
                worker.step()
        results = {worker.name: worker.finish() for worker in workers}
    finally:
        for worker in workers:
            worker.kill()
    for name, result in results.items():
        if mode == "train" and arguments.reps > 1 and result["values"][-1] >= result["values"][0]:
            print(f"compare.py: {name} does not learn its one batch: loss {result['values'][0]:.3f} to "
                  f"{result['values'][-1]:.3f}", file=sys.stderr)
    return results


class Bench:
    def __init__(self, arguments, folder):
        self.arguments = a = arguments
        self.shape = {"image": [3, 32, 32],
                      "model": {"d": a.embed_dim, "depth": a.depth, "T": a.time_steps, "heads": a.heads}}
        self.sizes = {"embed_dim": a.embed_dim, "depth": a.depth, "T": a.time_steps, "heads": a.heads}
        self.images = folder / "images.bin"
        if a.data:
            write_images(self.images, a.data, a.batch)
            return
        random = numpy.random.default_rng(0)
        pixels = random.standard_normal((a.batch, *self.shape["image"]), numpy.float32)
        self.images.write_bytes(pixels.tobytes() + random.integers(0, 10, a.batch, numpy.int64).tobytes())

    def ours(self, mixer, precision):
        a = self.arguments
        return [a.build / "bench" / "step_worker", "MODE", precision, a.threads, a.batch, self.images,
                f"train.device={a.device}", *([f"weights={self.weights(mixer)}"] if a.data else []),
                *(f"model.{key}={value}" for key, value in {"mixer": mixer, **self.sizes}.items())]

    def peer(self, mixer, config):
        a = self.arguments
        return [sys.executable, ROOT / "bench" / "peer_worker.py", NEAREST[mixer], "MODE", config, a.threads,
                a.batch, self.images, json.dumps(self.shape), self.weights(mixer) if a.data else "", a.device]

    def weights(self, mixer):
        a = self.arguments
        model = trained_model(a.build / "spikemix", mixer, a.data, a.runs)
        trained = json.loads((model.parents[1] / "config.json").read_text())["config"]["model"]
        wrong = [f"{key} = {trained[key]}, not {value}" for key, value in self.sizes.items() if trained[key] != value]
        if wrong:
            die(f"{model.parents[1]} has {', '.join(wrong)}: another --runs, or no --data for random weights")
        return model

    def run(self, contenders):
        """{mode: {name: result}}"""
        return {mode: race(contenders, mode, self.arguments) for mode in self.arguments.modes.split(",")}


def rate(result, batch):
    """Median images a second, and half the interquartile distance in percent of it."""
    rates = sorted(batch / seconds for seconds in result["seconds"])
    median = statistics.median(rates)
    quartiles = statistics.quantiles(rates, n=4) if len(rates) > 1 else [median] * 3
    return median, 50 * (quartiles[2] - quartiles[0]) / median


def ratio(fast, slow):
    """How many times as fast `fast` is: the median over the rounds, in each of which both ran."""
    return statistics.median(s / f for f, s in zip(fast["seconds"], slow["seconds"]))


def cells(results, name, base, batch):
    """Speed, spread, ratio and memory of a contender, in training and inference."""
    row = []
    for by_name in results.values():
        result = by_name[name]
        median, spread = rate(result, batch)
        row += [f"{median:.2f} ±{spread:.0f} %", base(by_name, name), f"{result['peak_bytes'] / 1e9:.2f}"]
    return row


def print_table(header, rows):
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def columns(arguments, ratio_name):
    return [title for mode in arguments.modes.split(",")
            for title in (f"{MODES[mode]} img/s", ratio_name, "peak GB")]


def against_peer(bench, mixers):
    """Table (a)."""
    arguments, rows, raw = bench.arguments, [], {}
    precisions, configs = arguments.precisions.split(","), arguments.configs.split(",")
    for mixer in mixers:
        print(f"(a) {mixer}", file=sys.stderr)
        ours = {f"spikemix {p}": bench.ours(mixer, p) for p in precisions}
        peers = {f"PyTorch {c}": bench.peer(mixer, c) for c in configs}
        results = raw[mixer] = bench.run({**ours, **peers})

        def gain(by_name, name):
            """spikemix of the same precision over this peer."""
            own = f"spikemix {name[-4:]}"
            return f"{ratio(by_name[own], by_name[name]):.2f}x" if name in peers and own in ours else ""

        rows += [[mixer, name, *cells(results, name, gain, arguments.batch)] for name in [*ours, *peers]]
        row = [mixer, "fastest against fastest"]
        for by_name in results.values():
            own, peer = (min((by_name[name] for name in group), key=lambda result: statistics.median(result["seconds"]))
                         for group in (ours, peers))
            row += ["", f"{ratio(own, peer):.2f}x", f"{own['peak_bytes'] / peer['peak_bytes']:.0%}"]
        rows.append(row)
    print("\n(a) spikemix against plain PyTorch. gain: spikemix of the same precision over this row.\n")
    print_table(["mixer", "contender", *columns(arguments, "gain")], rows)
    return raw


def against_attention(bench, mixers):
    """Table (b)."""
    arguments = bench.arguments
    precision = arguments.precisions.split(",")[0]
    rows, raw = [], []

    def gain(by_name, name):
        return f"{100 * (ratio(by_name[name], by_name['ssa']) - 1):+.0f} %"

    # A few at a time, each with attention: all of them at once would not fit in memory.
    for first in range(0, len(mixers), 3):
        group = ["ssa", *mixers[first : first + 3]]
        print("(b) " + ", ".join(group), file=sys.stderr)
        results = bench.run({mixer: bench.ours(mixer, precision) for mixer in group})
        new = group if first == 0 else group[1:]
        rows += [[mixer, *cells(results, mixer, gain, arguments.batch)] for mixer in new]
        raw.append(results)
    print(f"\n(b) linear transforms against attention (ssa), spikemix {precision}.\n")
    print_table(["mixer", *columns(arguments, "against ssa")], rows)
    return raw


def cpu_name():
    with open("/proc/cpuinfo") as info:
        return next((line.split(":")[1].strip() for line in info if line.startswith("model name")), platform.machine())


def device_name(device):
    if device == "cpu":
        return cpu_name()
    import torch

    try:
        return torch.cuda.get_device_name(device)
    except (AssertionError, RuntimeError, ValueError) as error:  # torch's errors for no CUDA, no such GPU, no such name
        sys.exit(f"compare.py: --device {device}: {str(error).splitlines()[0]}")


def main():
    arguments = parse_arguments()
    program = arguments.build / "spikemix"
    if not (arguments.build / "build.ninja").is_file():
        sys.exit(f"compare.py: {arguments.build} is not a build folder: run script/bootstrap, or name one with --build")
    build = ["cmake", "--build", arguments.build, "--target", "step_worker", "spikemix"]
    if subprocess.run(build, stdout=sys.stderr).returncode:
        sys.exit("compare.py: the build failed")
    every = [mixer["name"] for mixer in json.loads(subprocess.check_output([program, "mixers", "--json"]))]
    wanted = arguments.mixers.split(",") if arguments.mixers else every
    for mixer in wanted:
        if mixer not in every:
            sys.exit(f"compare.py: --mixers {mixer}: known: {', '.join(every)}")

    machine = device_name(arguments.device)
    print(f"{machine}, {arguments.threads} threads; Spikformer {arguments.depth}-{arguments.embed_dim}, T = "
          f"{arguments.time_steps}, batch {arguments.batch}, 32x32 images; {arguments.reps} rounds: median ± half the "
          "distance of the quartiles")
    document = {"machine": machine, **{key: str(value) for key, value in vars(arguments).items()}}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        if "a" in arguments.tables:
            shared = [mixer for mixer in wanted if mixer in NEAREST]
            document["against_peer"] = against_peer(bench, shared)
        if "b" in arguments.tables:
            transforms = [mixer for mixer in wanted if mixer != "ssa"]
            document["against_attention"] = against_attention(bench, transforms)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
