#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times a trained model in spikemix's event-driven engine and in every dense way to run it: plain PyTorch, eager and
compiled, ONNX Runtime and OpenVINO, the latter down to int8. One command:

    .venv/bin/python bench/engines.py --data cifar-10-binary.tar.gz             # about an hour; --quick: a few minutes
    .venv/bin/python bench/engines.py --data DIR --runs DIR --mixers fft2d --json engines.json

The first time, it installs the engines into build/peers-venv and trains one 4-384 for each mixer (half an hour each),
because the engine's speed depends on how often the model fires. All use the same trained weights and test images,
already normalised; before the times, a table shows how far their results are from PyTorch's.

The dense contenders are processes that stay alive, the engine's is `spikemix bench`, whose clock leaves out loading;
they take turns, the same images each, so that other work on the machine affects all equally; a ratio is the median over
the rounds of the ratio inside a round. Peak memory is VmHWM: a dense engine's is reset after its warm-up (exporting,
quantising and compiling are not in it), the engine's includes loading the model. ONNX has no complex numbers: ONNX
Runtime and OpenVINO run a Fourier mixer as products with cosine and sine matrices.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

from compare import PEER_NAMES, cpu_name, print_table, rate, ratio
from engine_contenders import DENSE, Dense, Ours
from engine_setup import ROOT, cifar_records, die, peers_python, subset, trained_model, write_png

# NNCF's default is 300 calibration images; this is a whole number of batches of 16.
FULL = {"rounds": 5, "images": 64, "check": 512, "calibration": 304, "latency_images": 1000, "starts": 20}
QUICK = {"rounds": 2, "images": 16, "check": 32, "calibration": 32, "latency_images": 50, "starts": 5}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="CIFAR-10, binary version: folder or archive")
    parser.add_argument("--runs", type=pathlib.Path, help="folder with a trained run for each mixer, used as it is")
    parser.add_argument("--mixers", default="fft2d,wt1d", help="joined by commas; known: %s" % ",".join(PEER_NAMES))
    parser.add_argument("--threads", default="1,2", help="joined by commas")
    parser.add_argument("--batch", default="1,16", help="joined by commas")
    parser.add_argument("--dense", default=",".join(DENSE), help="contenders; default: all, %(default)s")
    parser.add_argument("--precisions", default="fp32,int16,int8", help="how spikemix runs")
    parser.add_argument("--quick", action="store_true", help="few rounds and images: %s" % QUICK)
    for key, value in FULL.items():
        parser.add_argument("--" + key.replace("_", "-"), type=int, help=f"default: {value}")
    parser.add_argument("--environment", type=pathlib.Path, default=ROOT / "build" / "peers-venv",
                        help="virtual environment of the dense engines; default: %(default)s")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--json", type=pathlib.Path, help="write every measured second there")
    a = parser.parse_args()
    for key, value in (QUICK if a.quick else FULL).items():
        if getattr(a, key) is None:
            setattr(a, key, value)
    a.mixers, a.dense, a.precisions = a.mixers.split(","), a.dense.split(","), a.precisions.split(",")
    a.threads, a.batch = ([int(n) for n in text.split(",")] for text in (a.threads, a.batch))
    for flag, given, known in [("mixers", a.mixers, PEER_NAMES), ("dense", a.dense, DENSE)]:
        if wrong := set(given) - set(known):
            parser.error(f"--{flag} {','.join(wrong)}: known: {', '.join(known)}")
    if wrong := [n for n in (a.images, a.check, a.calibration) for batch in a.batch if n % batch]:
        parser.error(f"--batch: must divide {wrong[0]}, the --images, --check or --calibration")
    if not (a.build / "spikemix").is_file():
        parser.error(f"no spikemix in {a.build}: run script/bootstrap, or name a build with --build")
    return a


class Bench:
    def __init__(self, arguments, folder):
        a = arguments
        self.arguments, self.folder, self.data, self.images, self.check = a, folder, a.data, a.images, a.check
        self.python = peers_python(a.environment)
        test = cifar_records(a.data, "test_batch.bin")
        self.labels = subset(test, a.check)[:, 0]
        files = {"images": subset(test, a.images), "check": subset(test, a.check),
                 "calibration": subset(cifar_records(a.data, "data_batch_1.bin"), a.calibration)}
        for name, records in files.items():
            (folder / name).write_bytes(records[:, 1:].tobytes())
        write_png(folder / "picture.png", test[0])
        self.spec = {name: str(folder / name) for name in files}

    def program(self, *words):
        command = [str(word) for word in [self.arguments.build / "spikemix", *words]]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if answer.returncode:
            die(f"exit code {answer.returncode} from {' '.join(command)}: its message is above")
        return json.loads(answer.stdout)

    def worker(self, mode, spec):
        threads = str(spec["threads"])
        return subprocess.Popen(
            [self.python, ROOT / "bench" / "engine_worker.py", mode, json.dumps(spec)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads,
                 "TORCHINDUCTOR_CACHE_DIR": str(self.arguments.environment / "compiled")})

    def prepare(self, spec, batch):
        """Exports the model for ONNX Runtime and OpenVINO, in a process that ends before anything is timed."""
        say(f"exporting for batch {batch}")
        process = self.worker(
            "prepare", {**spec, "how": self.arguments.dense, "threads": os.cpu_count(), "batch": batch})
        output, _ = process.communicate()
        if process.returncode:
            die(f"the export failed with exit code {process.returncode}: {output}its message is above")

    def race(self, model, spec, threads, batch, with_logits):
        """{name: {"seconds" of each round, "peak_bytes", "logits"}}"""
        a, contenders = self.arguments, []
        try:
            for how in a.dense:
                say(f"starting {DENSE[how]}")
                contenders.append(Dense(self, spec, how, threads, batch))
            contenders += [Ours(self, model, precision, threads, batch) for precision in a.precisions]
            logits = {c.name: c.logits() for c in contenders} if with_logits else {}
            for number in range(a.rounds):
                say(f"round {number + 1} of {a.rounds}")
                for contender in contenders:
                    time.sleep(0.05)  # OpenMP's threads spin for some milliseconds, waiting for more work
                    contender.turn()
            return {c.name: c.finish() for c in contenders}, logits
        finally:
            for contender in contenders:
                contender.kill()

    def latencies(self, model):
        """[(precision, threads, result of spikemix bench)] of single images."""
        a, rows = self.arguments, []
        for precision in a.precisions:
            for threads in a.threads:
                say(f"latency of {a.latency_images} images, {precision}, threads {threads}")
                rows.append((precision, threads, Ours(self, model, precision, threads, 1).run(a.latency_images)))
        return rows

    def starts(self):
        """Seconds from starting `spikemix predict` with the built-in model until its answer is there, of each start."""
        command = [self.arguments.build / "spikemix", "predict", self.folder / "picture.png"]
        seconds = []
        for _ in range(self.arguments.starts):
            begin = time.perf_counter()
            if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
                die("spikemix predict failed: its message is above")
            seconds.append(time.perf_counter() - begin)
        return seconds

    def stripped_bytes(self):
        if not shutil.which("strip"):
            return None
        stripped = self.folder / "spikemix"
        subprocess.run(["strip", "-o", stripped, self.arguments.build / "spikemix"], check=True)
        return stripped.stat().st_size


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def agreement_rows(what, logits, labels):
    """How far each contender's results are from those of the first."""
    reference = numpy.array(next(iter(logits.values())))
    rows = []
    for name, values in logits.items():
        values = numpy.array(values)
        best, top = values.argmax(1), reference.argmax(1)
        rows.append([what, name, f"{(best == labels).mean():.1%}", f"{(best == top).mean():.1%}",
                     f"{abs(values - reference).max():.2g}"])
        if name == "spikemix fp32" and (best == top).mean() < 0.99:
            print(f"engines.py: {what}: spikemix and {next(iter(logits))} disagree: their times are not of the same "
                  "model", file=sys.stderr)
    return rows


def speed_rows(mixer, threads, batch, results, images):
    ours = [name for name in results if name.startswith("spikemix ")]
    dense = [name for name in results if name not in ours]

    def gains(name):
        return [f"{ratio(results[own], results[name]):.2f}x" if name in dense else "" for own in ours]

    where, rows = [mixer, str(threads), str(batch)], []
    for name, result in results.items():
        median, spread = rate(result, images)
        rows.append([*where, name, f"{median:.1f} ±{spread:.0f} %", *gains(name), f"{result['peak_bytes'] / 1e6:.0f}"])
    if dense:
        fastest = min(dense, key=lambda name: statistics.median(results[name]["seconds"]))
        rows.append([*where, f"against the fastest: {fastest}", "", *gains(fastest), ""])
    return rows


def main():
    a = parse_arguments()
    version = subprocess.check_output([a.build / "spikemix", "--version"], text=True).split("\n")[0]
    document = {"cpu": cpu_name(), "version": version, "arguments": {key: str(value) for key, value in vars(a).items()},
                "races": []}
    speed, agreement, latency = [], [], []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(a, pathlib.Path(name))
        models = {mixer: trained_model(a.build / "spikemix", mixer, a.data, a.runs) for mixer in a.mixers}
        for mixer, model in models.items():
            spec = {**bench.spec, "model": str(model), "mixer": PEER_NAMES[mixer], "folder": name}
            for batch in a.batch:
                print(f"{mixer}, batch {batch}", file=sys.stderr)
                if any(how.startswith("o") for how in a.dense):
                    bench.prepare(spec, batch)
                for threads in a.threads:
                    say(f"threads {threads}")
                    # Once for each export: a file for another batch could be wrong by itself.
                    results, logits = bench.race(model, spec, threads, batch, with_logits=threads == a.threads[-1])
                    speed += speed_rows(mixer, threads, batch, results, a.images)
                    document["races"].append(
                        {"mixer": mixer, "threads": threads, "batch": batch, "results": results, "logits": logits})
                if logits:
                    agreement += agreement_rows(f"{mixer}, batch {batch}", logits, bench.labels)
            latency += [[mixer, f"spikemix {precision}", str(threads), f"{result['latency_ms_median']:.2f}",
                         f"{result['latency_ms_p99']:.2f}", f"{result['peak_memory_mb'] * 2**20 / 1e6:.0f}"]
                        for precision, threads, result in bench.latencies(model)]
        starts, size = bench.starts(), bench.stripped_bytes()
    document |= {"latency": latency, "agreement": agreement, "start_seconds": starts, "stripped_bytes": size}

    print(f"{cpu_name()}; {version}; Spikformer 4-384, T = 4, trained, on CIFAR-10's test images; {a.rounds} rounds of "
          f"{a.images} images: median ± half the distance of the quartiles")
    print(f"\nResults on {a.check} images: top-1, the same class as {agreement[0][1]}, largest difference "
          "of a logit from its\n")
    print_table(["model", "contender", "top-1", "same class", "logits"], agreement)
    print("\nSpeed: how many times as fast spikemix is, by its precision, and peak memory in MB\n")
    print_table(["mixer", "threads", "batch", "contender", "img/s", *a.precisions, "peak MB"], speed)
    print(f"\nLatency of a single image, over {a.latency_images} images\n")
    print_table(["mixer", "contender", "threads", "median ms", "99th percentile ms", "peak MB"], latency)
    print(f"\nFrom the start of `spikemix predict IMAGE` (built-in model) to its answer: median "
          f"{1e3 * statistics.median(starts):.0f} ms, longest {1e3 * max(starts):.0f} ms of {len(starts)} starts")
    if size:
        print(f"The program, stripped: {size / 1e6:.2f} MB")
    if a.json:
        a.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
