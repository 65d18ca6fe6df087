# SPDX-License-Identifier: MIT
"""Data and a recipe small enough to train in a second."""
import gzip
import json
import pathlib
import struct
import subprocess

import numpy as np

RECIPE = """
name = "tiny"
[model]
mixer = "fft2d"
channels = 1
height = 16
width = 16
classes = 10
T = 2
embed_dim = 32
depth = 2
heads = 4
[augment]
crop_padding = 2
mixup = 0.2
erase_probability = 0.2
randaugment_magnitude = 5
[train]
epochs = 3
cooldown_epochs = 0
warmup_epochs = 1
batch = 16
lr = 4e-3
lr_batch = 32
ema = 0.9
threads = 1
loader_threads = 2
"""


def write_idx(folder: pathlib.Path, train: int, test: int, size: int = 16):
    """MNIST's file format: each class is a bright row at its own height, with noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, count in [("train", train), ("t10k", test)]:
        labels = np.arange(count, dtype=np.uint8) % 10
        images = rng.integers(0, 60, (count, size, size), np.uint8)
        images[np.arange(count), labels + 3] += 150
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">IIII", 0x803, count, size, size) + images.tobytes()))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels.tobytes())


def make_place(folder: pathlib.Path, train: int, test: int):
    """A folder with the data (this many images) and the recipe, where runs go, too: for train()."""
    write_idx(folder / "data", train, test)
    (folder / "tiny.toml").write_text(RECIPE)
    return folder


def train(program, place, out, *overrides):
    """The command that trains the recipe of make_place() in the run folder `out`."""
    return list(map(str, [program, "train", place / "tiny.toml", "--data", place / "data", "--out", out, *overrides]))


def run(program, *arguments, **options):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def trained(program, place, out, *overrides):
    """The result of the command of train(), which has to succeed."""
    result = run(*train(program, place, out, *overrides))
    assert result.returncode == 0, result.stderr
    return result


def metrics(folder, kind=None):
    """The lines of a run's metrics.jsonl; those of one kind ("epoch")."""
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if kind in (None, line["type"])]


def learned(folder):
    """The same without what the clock said."""
    return [{key: value for key, value in line.items() if "second" not in key} for line in metrics(folder)]
