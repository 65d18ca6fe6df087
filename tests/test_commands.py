# SPDX-License-Identifier: MIT
"""Each shell command in README and docs/ runs here as it stands, on small data of this file's making, or NOT_RUN says
why it does not. A code block without a language holds commands, one a line; remarks follow after two spaces or a #. In
a block with "$ " in front of its commands, the other lines are what they print."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from places import CORPUS, SOURCE
from test_help import assert_understood
from tiny import run

PAGES = ["README.md", *sorted(f"docs/{page.name}" for page in (SOURCE / "docs").glob("*.md"))]

NO_GPU = "needs a GPU; without one it is only checked that the command is understood"
NOT_RUN = {
    "script/demo": "trains for minutes; test_scripts.py checks its table",
    "script/test": "runs this test",
    "script/check_arm": "builds for half an hour",
    "SPIKEMIX_TORCH=torch==2.13.0 script/bootstrap": "downloads gigabytes",
    "pip install .": "compiles for minutes; tests/package/test_install.py looks into what script/package installed so",
    "cc app.c $(pkg-config --cflags --libs spikemix-engine) -o app": "test_install.py runs it",
    ".venv/bin/python bench/compare.py": "measures for an hour",
    "spikemix train cifar10 --data cifar-10-binary.tar.gz --device cuda train.precision=bf16": NO_GPU,
    "spikemix train cifar10 --data DIR --device cuda train.precision=bf16": NO_GPU,
    "spikemix train cifar10 --data DIR --device cuda train.precision=bf16 --find-batch": NO_GPU,
    "spikemix train cifar10-dvs --data CIFAR10DVS --device cuda": NO_GPU,
    "spikemix train dvs128-gesture --data DvsGesture.tar.gz --device cuda": NO_GPU,
    "spikemix stream unix:/run/camera.sock --model RUN": "test_event_data.py does it with a socket in its own folder",
    "torchrun --no-python --nnodes 4 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29500 "
    "build/release/spikemix train cifar10 --data DIR --out DIR2 --device cuda": "needs four machines with GPUs",
    "srun --ntasks 32 spikemix train cifar10 --data DIR --out DIR2": "needs Slurm; test_ddp.py sets its variables",
}

# What is appended to make a training small: the last value of a key counts.
SMALL = "model.embed_dim=16 train.threads=1 train.epochs=1"
SMALL_EVENTS = f"{SMALL} train.batch=10 train.warmup_epochs=0"
SMALLER = {"cifar10-small": f"{SMALL} train.batch=16",
           "cifar10-cpu": "train.threads=1 train.epochs=1 train.batch=16 train.warmup_epochs=0",  # starts from builtin
           "cifar10": f"{SMALL} model.depth=1 train.batch=16 train.warmup_epochs=0 train.cooldown_epochs=0",
           "nmnist-small": SMALL_EVENTS, "dvs128-gesture": SMALL_EVENTS}


def shell_commands(page):
    """The commands in the page's code blocks without a language, without their remarks."""
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", (SOURCE / page).read_text(), re.DOTALL | re.MULTILINE)
    for block in (block for language, block in blocks if not language):
        lines = re.sub(r"\\\n *", "", block).splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        for line in lines:
            if line and not line.startswith(" "):  # indented: the remark goes on
                yield re.split(r" {2,}| # ", line)[0]


COMMANDS = [(page, command) for page in PAGES for command in shell_commands(page)]


def write_cifar10(folder):
    """CIFAR-10's binary files with 200 training and 200 test images of noise."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name, count in [*((f"data_batch_{i}", 40) for i in range(1, 6)), ("test_batch", 200)]:
        records = rng.integers(0, 256, (count, 1 + 3 * 32 * 32), np.uint8)
        records[:, 0] = np.arange(count) % 10
        (folder / f"{name}.bin").write_bytes(records.tobytes())


def write_pictures(folder):
    """Two classes, each with ten pictures to learn from and two for the test."""
    for kind, count in [("train", 10), ("test", 2)]:
        for name in ["cat", "dog"]:
            (folder / kind / name).mkdir(parents=True)
            for i in range(count):
                shutil.copy(CORPUS / "picture" / "small.jpg", folder / kind / name / f"{i}.jpg")


def write_recordings(folder, classes, size):
    """Recordings with noise, 40 ms long: three of each class to learn from, and one for the test."""
    rng = np.random.default_rng(0)
    for name in classes:
        for kind, count in [("train", 3), ("test", 1)]:
            (folder / kind / name).mkdir(parents=True)
            for i in range(count):
                x, y = rng.integers(0, size, (2, 200))
                np.savez(folder / kind / name / f"{i}.npz", t=np.sort(rng.integers(0, 40_000, 200)), x=x, y=y,
                         p=rng.integers(0, 2, 200))


def archive(folder, file, mode):
    with tarfile.open(file, mode) as tar:
        tar.add(folder, folder.name)


def doc_sweep(small):
    """The sweep of docs/experiments.md; if `small`, of two mixers, two seeds and tiny models."""
    text, = re.findall(r"^```toml\n(.*?)^```$", (SOURCE / "docs" / "experiments.md").read_text(), re.DOTALL | re.M)
    if small:
        overrides = ", ".join(f'"{word}"' for word in SMALLER["cifar10-small"].split())
        for old, new in [(r"^overrides = \[(.*?)\]", rf"overrides = [\1, {overrides}]"), (r"^seeds = 8", "seeds = 2"),
                         (r"^jobs = 2", "jobs = 1"), (r'\["ssa", .*\]', '["ssa", "identity"]'),
                         (r"\[2, 4\]", "[1, 4]")]:
            text, count = re.subn(old, new, text, flags=re.MULTILINE)
            assert count == 1, old
    return text


@pytest.fixture(scope="module")
def place(spikemix, tmp_path_factory):
    """A folder in which the commands find everything that they name."""
    place = tmp_path_factory.mktemp("place")
    write_cifar10(place / "DIR" / "cifar-10-batches-bin")
    archive(place / "DIR" / "cifar-10-batches-bin", place / "cifar-10-binary.tar.gz", "w:gz")
    write_pictures(place / "pictures")
    shutil.copy(CORPUS / "picture" / "small.jpg", place / "cat.jpg")
    write_recordings(place / "nmnist", [str(digit) for digit in range(10)], 34)
    archive(place / "nmnist", place / "nmnist-1k.tar.xz", "w:xz")
    write_recordings(place / "DvsGesture", [f"gesture-{i}" for i in range(11)], 128)
    shutil.copytree(place / "DvsGesture" / "test", place / "recordings")
    for name in ["gesture.aedat", "gesture.aedat4"]:
        shutil.copy(CORPUS / "recording" / name.replace("gesture", "small"), place / name)
    (place / "bin").mkdir()
    (place / "bin" / "camera").write_text("#!/bin/sh\nexec cat gesture.aedat\n")
    (place / "bin" / "camera").chmod(0o755)
    (place / "build" / "release").mkdir(parents=True)
    for folder in ["bin", "build/release"]:
        (place / folder / "spikemix").symlink_to(spikemix)

    def trained(recipe, data, out, *overrides):
        done = run(spikemix, "train", recipe, "--data", data, "--out", f"runs/{out}", *SMALLER[recipe].split(),
                   *overrides, cwd=place)
        assert done.returncode == 0, done.stderr

    trained("cifar10-small", "cifar-10-binary.tar.gz", "cifar10-small")
    trained("dvs128-gesture", "DvsGesture", "dvs128-gesture")
    for name in ["a", "b", "db4", "fft2d", "ssa", "pictures"]:
        shutil.copytree(place / "runs" / "cifar10-small", place / "runs" / name)
    (place / "RUN").symlink_to("runs/dvs128-gesture")
    done = run(spikemix, "export", "runs/cifar10-small", "-o", "small.safetensors", cwd=place)
    assert done.returncode == 0, done.stderr
    (place / "mixers.toml").write_text(doc_sweep(small=True))
    done = run(spikemix, "sweep", "mixers.toml", cwd=place)
    assert done.returncode == 0, done.stderr
    shutil.copytree(place / "runs" / "mixers", place / "runs" / "sweep")
    return place


def small(command):
    """The command with what makes its training small, or gives a run that is done another epoch."""
    recipe = re.search(r"spikemix (?:train|bench --train) (\S+)", command)
    if recipe:
        return f"{command} {SMALLER[recipe[1]]}"
    return f"{command} train.epochs=2" if "spikemix resume" in command and "train.epochs" not in command else command


def prepare(place, here, command):
    """Copies the place, without what the command is to make."""
    shutil.copytree(place, here, symlinks=True)
    for made in re.findall(r"(?: --out| events simulate \w+) (\S+)", command):
        shutil.rmtree(here / made, ignore_errors=True)
    if "--dry-run" in command:
        (here / "mixers.toml").write_text(doc_sweep(small=False))


def test_the_list_names_commands_of_the_pages():
    assert set(NOT_RUN) <= {command for _, command in COMMANDS}


@pytest.mark.parametrize("page, command", [pair for pair in COMMANDS if pair[1] not in NOT_RUN])
def test_command(place, tmp_path, page, command):
    here = tmp_path / "place"
    prepare(place, here, command)
    path = f"{here / 'bin'}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", small(command).replace("/mnt/", "")], cwd=here,
                          env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, f"{page}: {command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("command", [command for command in NOT_RUN if "spikemix " in command])
def test_what_is_not_run_is_understood(spikemix, tmp_path, command):
    assert_understood(spikemix, command[command.index("spikemix "):], tmp_path)
