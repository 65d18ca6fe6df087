#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the Python package costs over the program: `model(x)` against `spikemix bench`, image by image, in turns; the
import; the memory of many loads, and of many recordings read.

    build/package/numpy/bin/python bench/package.py [--data DIR] [--rounds 5] [--loads 10000]

Without --data only the import and the memory.
"""
import argparse
import gc
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

import spikemix
from spikemix import data, events

SOURCE = pathlib.Path(__file__).parents[1]
CORPUS = SOURCE / "tests" / "fuzz" / "corpus"


def program_ms(program, model, folder, images):
    """Median time of an image in the program, in milliseconds, one at a time on one thread."""
    answer = subprocess.run([program, "bench", model, "--data", folder, "--images", str(images), "--batch", "1",
                             "--threads", "1", "--json"], check=True, capture_output=True, text=True).stdout
    return json.loads(answer)["latency_ms_median"]


def package_ms(model, inputs):
    times = []
    for x in inputs:
        begin = time.perf_counter()
        model(x)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def compare(arguments):
    model = spikemix.load(arguments.model)
    pictures = data.Pictures(arguments.data, split="test", size=model.input_shape[1:])
    inputs = model.preprocess([picture for picture, _ in pictures])
    ratios = []
    for _ in range(arguments.rounds):
        program = program_ms(arguments.program, arguments.model, arguments.data, len(inputs))
        package = package_ms(model, inputs)
        ratios.append(program / package)
        print(f"  program {program:7.3f} ms   model(x) {package:7.3f} ms   ratio {ratios[-1]:.3f}")
    print(f"{model}\nspeed of model(x) over the program's, median of {arguments.rounds} rounds of {len(inputs)} "
          f"images: {statistics.median(ratios):.3f}")


def import_ms(statement):
    code = f"import time; begin = time.perf_counter(); {statement}; print(time.perf_counter() - begin)"
    return 1e3 * float(subprocess.check_output([sys.executable, "-c", code]))


def imports(rounds):
    statements = {"numpy": "import numpy", "spikemix": "import spikemix",
                  "spikemix, its engine": "import spikemix; spikemix.load"}
    times = {name: [] for name in statements}
    for _ in range(rounds):
        for name, statement in statements.items():
            times[name].append(import_ms(statement))
    for name, of in times.items():
        print(f"import {name}: median {statistics.median(of):.1f} ms, least {min(of):.1f} ms")


def resident_kilobytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def load_and_call(_):
    x = np.zeros((1, 16, 16), np.float32)
    model = spikemix.load(CORPUS / "model" / "fp32.safetensors")
    model(x), model.step(x)


RECORDINGS = sorted((CORPUS / "recording").iterdir())  # one of each format


def read_events(i):
    path = RECORDINGS[i % len(RECORDINGS)]
    events.frames(events.read(path, sensor=(64, 64)), T=4)
    next(events.read(path, chunk=10))  # a reader that is left in the middle


def memory(what, work, times):
    """What stays of it: nothing that grows with the number of times."""
    for i in range(times):
        work(i)
        if i == times // 10:
            gc.collect()
            before = resident_kilobytes()
    gc.collect()
    print(f"{times} times {what}: {resident_kilobytes() - before} kB more after the last than after the first "
          f"{times // 10}, of {resident_kilobytes()} kB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="pictures, as for `spikemix bench`")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--program", default=SOURCE / "build" / "release" / "spikemix")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loads", type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.data:
        compare(arguments)
    imports(3 * arguments.rounds)
    memory("a model loaded, called and stepped", load_and_call, arguments.loads)
    memory("a recording read, whole and in part", read_events, arguments.loads)


if __name__ == "__main__":
    main()
