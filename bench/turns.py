#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times trained models, builds of spikemix, or both, in turns against the first of them: steps of training, and the
engine in each precision. Is a new build slower than the last one; what does a membrane stream cost?

    .venv/bin/python bench/turns.py --data DIR before=../old/build/release:runs/fft2d after=build/release:runs/fft2d
    .venv/bin/python bench/turns.py --data DIR spike=runs/spike membrane=runs/membrane
    .venv/bin/python bench/turns.py --data DIR --density 0.15 spike=runs/spike membrane=runs/membrane

A contender is NAME=RUN, or NAME=BUILD:RUN with a build folder of its own. All take the same images. How fast a model is
depends on how much it fires: --density moves each one's threshold until this share of the layers' inputs is not 0
(`spikemix count`, of the last build). Its answers are then wrong, which the times don't mind.
"""
import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

from compare import Worker, cpu_name, print_table, rate, ratio
from engine_setup import ROOT, die, write_images


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contenders", nargs="+", metavar="NAME=[BUILD:]RUN")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="CIFAR-10, binary version: folder or archive")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--images", type=int, default=64, help="of a turn of the engine; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--train", default="fp32,bf16", help="precisions of training; '' for none")
    parser.add_argument("--engine", default="fp32,int16,int8", help="precisions of the engine; '' for none")
    parser.add_argument("--density", type=float, help="of all contenders' inputs; default: as they were trained")
    parser.add_argument("--json", type=pathlib.Path, help="write every measured second there")
    a = parser.parse_args()
    a.train, a.engine = (text.split(",") if text else [] for text in (a.train, a.engine))
    if len(a.contenders) < 2:
        parser.error("one contender: nothing to compare it with")
    if len({text.partition("=")[0] for text in a.contenders}) < len(a.contenders):
        parser.error("contenders of one name; expected a different NAME for each")
    if a.density is not None and not 0 < a.density < 1:
        parser.error(f"--density {a.density}: expected a share between 0 and 1")
    return a


def spikemix(build, *words):
    command = [str(word) for word in [build / "spikemix", *words]]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if answer.returncode:
        die(f"exit code {answer.returncode} from {' '.join(command)}: its message stands above")
    return json.loads(answer.stdout)


class Contender:
    """A build and a trained model."""

    def __init__(self, text):
        self.name, _, where = text.partition("=")
        build, _, run = where.rpartition(":")
        self.build = pathlib.Path(build) if build else ROOT / "build" / "release"
        self.model = pathlib.Path(run) / "best" / "model.safetensors"
        config = pathlib.Path(run) / "config.json"
        for needed in (self.build / "spikemix", self.build / "bench" / "step_worker", self.model, config):
            if not needed.is_file():
                die(f"{text}: no {needed}; expected NAME=RUN or NAME=BUILD:RUN, a run folder and a build with the "
                    "targets spikemix and step_worker")
        document = json.loads(config.read_text())["config"]
        self.settings = {f"{room}.{key}": value
                         for room in ("model", "neuron") for key, value in document[room].items()}

    def density(self, build, data):
        """The share of inputs that are not 0, over all layers, weighted by what they cost densely."""
        return spikemix(build, "count", self.model, "--data", data, "--images", 16, "--json")["total"]["density"]

    def with_threshold(self, threshold, folder):
        """Its model with another threshold for all neurons."""
        content = self.model.read_bytes()
        size, = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + size])
        card = json.loads(header["__metadata__"]["spikemix"])
        card["neuron"]["v_threshold"] = threshold
        header["__metadata__"]["spikemix"] = json.dumps(card)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self.model = folder / f"{self.name}.safetensors"
        self.model.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])
        self.settings["neuron.v_threshold"] = threshold


def match_density(contender, wanted, build, data, folder):
    """Halves an interval of thresholds until the density is `wanted` to two percent of it."""
    low, high = 1e-4, 20.0
    for _ in range(20):
        middle = (low * high) ** 0.5
        contender.with_threshold(middle, folder)
        density = contender.density(build, data)
        if abs(density / wanted - 1) < 0.02:
            return density
        low, high = (middle, high) if density > wanted else (low, middle)
    die(f"{contender.name}: no threshold gives the density {wanted:.3f}; the last one gave {density:.3f}")


def setting(value):
    return json.dumps(value) if isinstance(value, (list, bool)) else str(value)


def train(contenders, precision, a, images):
    """{name: {"seconds" of each round}}"""
    workers = []
    try:
        for c in contenders:
            workers.append(Worker(c.name, [
                c.build / "bench" / "step_worker", "train", precision, a.threads, a.batch, images, f"weights={c.model}",
                *(f"{key}={setting(value)}" for key, value in c.settings.items())], a))
        for number in range(a.rounds):
            for worker in workers if number % 2 == 0 else workers[::-1]:
                time.sleep(0.05)  # OpenMP's threads spin for some milliseconds, in case there is more to do
                worker.step()
        return {worker.name: worker.finish() for worker in workers}
    finally:
        for worker in workers:
            worker.kill()


def engine(contenders, precision, a):
    """{name: {"seconds" of each round}}"""
    results = {c.name: {"seconds": []} for c in contenders}
    for number in range(a.rounds):
        for c in contenders if number % 2 == 0 else contenders[::-1]:
            answer = spikemix(c.build, "bench", c.model, "--data", a.data, "--images", a.images, "--batch", a.batch,
                              "--threads", a.threads, "--precision", precision, "--json")
            results[c.name]["seconds"].append(answer["images"] / answer["images_per_second"])
    return results


def main():
    a = parse_arguments()
    contenders = [Contender(text) for text in a.contenders]
    document = {"cpu": cpu_name(), "arguments": {key: str(value) for key, value in vars(a).items()}, "races": []}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        build = contenders[-1].build  # the newest one, it may be: only that knows `count`
        if a.density:
            densities = [match_density(c, a.density, build, a.data, folder) for c in contenders]
        else:
            densities = [c.density(build, a.data) for c in contenders]
        images = folder / "images.bin"
        write_images(images, a.data, a.batch)
        for what, precisions in [("training", a.train), ("engine", a.engine)]:
            for precision in precisions:
                print(f"{what}, {precision}", file=sys.stderr, flush=True)
                results = train(contenders, precision, a, images) if what == "training" else engine(
                    contenders, precision, a)
                document["races"].append({"what": what, "precision": precision, "results": results})
                first = results[contenders[0].name]
                for c, density in zip(contenders, densities):
                    median, spread = rate(results[c.name], a.batch if what == "training" else a.images)
                    rows.append([what, precision, c.name, f"{density:.1%}", f"{median:.1f} ±{spread:.0f} %",
                                 f"{ratio(results[c.name], first):.2f}x" if c is not contenders[0] else ""])
    print(f"{cpu_name()}, threads: {a.threads}, batch {a.batch}; {a.rounds} rounds: median ± half "
          f"the distance of the quartiles; x: how many times as fast as {contenders[0].name}\n")
    print_table(["", "precision", "contender", "density", "img/s", f"against {contenders[0].name}"], rows)
    if a.json:
        a.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
