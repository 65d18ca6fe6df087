#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs trained models on the engine, at every precision, and under LibTorch, and prints how well they agree.

    .venv/bin/python bench/agreement.py runs/cifar10-small [RUN ...] --data DIR

For each model: top-1 on all test images, and the share of images with the same class as under LibTorch (fp32).
"""
import argparse
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]


def answers(arguments, run, *flags):
    command = [arguments.build / "spikemix", "predict", "--model", run, "--data", arguments.data, "--images",
               arguments.images, "--threads", arguments.threads, "--json", *flags]
    output = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True).stdout
    return [(answer["label"], answer["truth"]) for answer in json.loads(output)]


def top1(answers):
    return 100 * sum(label == truth for label, truth in answers) / len(answers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="run folders or model files with float weights")
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    arguments = parser.parse_args()
    print(f"{'model':<28} {'runs on':<16} {'top-1':>8} {'difference':>11} {'same class':>11}")
    for run in arguments.runs:
        expected = answers(arguments, run, "--engine", "torch")
        print(f"{run.name:<28} {'torch fp32':<16} {top1(expected):>6.2f} %")
        for precision in ["fp32", "int16", "int8"]:
            own = answers(arguments, run, "--precision", precision)
            same = 100 * sum(a[0] == b[0] for a, b in zip(own, expected)) / len(expected)
            print(f"{'':<28} {'spikemix ' + precision:<16} {top1(own):>6.2f} % {top1(own) - top1(expected):>+11.2f} "
                  f"{same:>9.2f} %", flush=True)


if __name__ == "__main__":
    main()
