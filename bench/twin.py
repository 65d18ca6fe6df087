#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A trained spiking network in spikemix's engine against its dense twin: the same layers, with ReLU instead of neurons,
one step, trained by the same program with the same settings. The twin runs in every dense way that an engineer would
consider: PyTorch compiled, ONNX Runtime, OpenVINO down to int8. One command:

    .venv/bin/python bench/twin.py --data cifar-10-binary.tar.gz                  # recipe cifar10-small: half an hour
    .venv/bin/python bench/twin.py --data DIR --settings train.spike_cost=1 --runs runs/twin-cost

Both are trained once, in --runs, and the spiking one is exported with int8 weights. Accuracies are on all test images,
also for each way to run the twin; comparing its classes with those of spikemix's own LibTorch half shows that it is the
same model. Speeds are measured in turns, as in engines.py, whose --environment this shares.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy

from compare import cpu_name, print_table, rate, ratio
from engine_contenders import DENSE
from engine_setup import ROOT, die
from engines import Bench, say

TWIN = ["neuron.kind=relu", "model.T=1", "train.one_step_epochs=0", "train.spike_cost=0", "train.spike_target=0"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="CIFAR-10, binary version: folder or archive")
    parser.add_argument("--recipe", default="cifar10-small", help="default: %(default)s")
    parser.add_argument("--settings", nargs="*", default=[], help="key=value for both")
    parser.add_argument("--runs", type=pathlib.Path, help="where both are trained; default: runs/twin/RECIPE")
    parser.add_argument("--spikes", type=pathlib.Path, help="a trained run, or an export, instead of training one")
    parser.add_argument("--threads", default="1,2", help="joined by commas")
    parser.add_argument("--batch", default="1,16", help="joined by commas")
    parser.add_argument("--dense", default="compile-fp32,compile-bf16,ort-fp32,ov-fp32,ov-bf16,ov-int8")
    parser.add_argument("--precisions", default="fp32,int8", help="how spikemix runs")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=256, help="in a turn")
    parser.add_argument("--cpu-seconds", action="store_true",
                        help="count processor seconds, not the clock's: for one thread on a busy machine")
    parser.add_argument("--check", type=int, default=10000, help="test images for the accuracies")
    parser.add_argument("--calibration", type=int, default=304, help="training images for NNCF")
    parser.add_argument("--environment", type=pathlib.Path, default=ROOT / "build" / "peers-venv",
                        help="virtual environment of the dense engines; default: %(default)s")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--json", type=pathlib.Path, help="write every measured second there")
    a = parser.parse_args()
    a.runs = a.runs or ROOT / "runs" / "twin" / a.recipe
    a.dense, a.precisions = a.dense.split(","), a.precisions.split(",")
    a.threads, a.batch = ([int(n) for n in text.split(",")] for text in (a.threads, a.batch))
    if a.cpu_seconds and a.threads != [1]:
        parser.error("--cpu-seconds: needs --threads 1; waiting threads take the processor's time too")
    if wrong := set(a.dense) - set(DENSE):
        parser.error(f"--dense {','.join(wrong)}: known: {', '.join(DENSE)}")
    if wrong := [n for n in (a.images, a.check, a.calibration) for batch in a.batch if n % batch]:
        parser.error(f"--batch: must divide {wrong[0]}, the --images, --check or --calibration")
    return a


def trained(a, name, settings):
    """The last weights of a run in --runs, trained, or resumed if it has not finished."""
    folder = a.runs / name
    if not (folder / "summary.json").is_file():
        command = [a.build / "spikemix", "resume", folder] if (folder / "config.json").is_file() else [
            a.build / "spikemix", "train", a.recipe, "--data", a.data, "--out", folder, "--threads", "1",
            *a.settings, *settings]
        print(f"training {folder}", file=sys.stderr, flush=True)
        if subprocess.run([str(word) for word in command], stdout=sys.stderr).returncode:
            die(f"{name} was not trained: the message is above")
    return folder / "last" / "model.safetensors"


def top1(logits, labels):
    return f"{(numpy.array(logits).argmax(1) == labels).mean():.2%}"


def main():
    a = parse_arguments()
    document = {"cpu": cpu_name(), "arguments": {key: str(value) for key, value in vars(a).items()}, "races": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bench = Bench(a, folder)
        twin = trained(a, "twin", TWIN)
        spikes = a.spikes or trained(a, "spikes", [])
        if spikes.is_dir():
            spikes = spikes / "last" / "model.safetensors"
        spec = {**bench.spec, "model": str(twin), "folder": name}
        by_row, speed, accuracy = {}, [], []
        for batch in a.batch:
            bench.prepare(spec, batch)
            for threads in a.threads:
                say(f"batch {batch}, threads {threads}")
                last = batch == a.batch[-1] and threads == a.threads[-1]
                results, logits = bench.race(spikes, spec, threads, batch, with_logits=last)
                document["races"].append({"threads": threads, "batch": batch, "results": results})
                by_row[threads, batch] = results
        labels = bench.labels
        reference = bench.program("predict", "--model", twin, "--engine", "torch", "--images", a.check, "--data",
                                  a.data, "--json")
        classes = numpy.array([image["logits"] for image in reference]).argmax(1)
        accuracy.append(["twin, spikemix's LibTorch half", f"{(classes == labels).mean():.2%}", ""])
        for who, values in logits.items():
            ours = who.startswith("spikemix ")
            same = "" if ours else f"{(numpy.array(values).argmax(1) == classes).mean():.2%}"
            accuracy.append([f"{'' if ours else 'twin, '}{who}", top1(values, labels), same])

    print(f"{document['cpu']}; {a.recipe} {' '.join(a.settings)}; {a.rounds} rounds of {a.images} images in turns, "
          "medians\n")
    print_table(["", f"top-1 of {a.check} test images", "same class"], accuracy)
    seconds = " of CPU seconds" if a.cpu_seconds else ""
    print(f"\nimg/s{seconds}, and how many times as fast the spiking network is, by its precision\n")
    header = ["threads", "batch", "contender", "img/s", *a.precisions]
    for (threads, batch), results in by_row.items():
        dense = [who for who in results if not who.startswith("spikemix ")]
        fastest = min(dense, key=lambda who: statistics.median(results[who]["seconds"]))
        for who, result in results.items():
            median, spread = rate(result, a.images)
            gains = [f"{ratio(results[f'spikemix {p}'], result):.2f}x" if who in dense else "" for p in a.precisions]
            speed.append([str(threads), str(batch), ("twin, " if who in dense else "") + who +
                          (" (the fastest)" if who == fastest else ""), f"{median:.0f} ±{spread:.0f} %", *gains])
    print_table(header, speed)
    if a.json:
        a.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
