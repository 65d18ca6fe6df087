# SPDX-License-Identifier: MIT
"""What engines.py needs before it times anything: the dense engines, trained models, real images."""
import os
import pathlib
import re
import struct
import subprocess
import sys
import tarfile
import zlib

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECORD = 1 + 3 * 32 * 32  # label, then the planes of the image


def die(message):
    print(f"{pathlib.Path(sys.argv[0]).name}: {message}", file=sys.stderr)
    sys.exit(2)


def peers_python(environment):
    """The Python of a virtual environment with every dense engine in it, made if necessary."""
    bootstrap = (ROOT / "script" / "bootstrap").read_text()
    torch = os.environ.get("SPIKEMIX_TORCH") or re.search(r"SPIKEMIX_TORCH:-(.+?)}", bootstrap)[1]
    packages = [torch, "openvino", "nncf", "onnx", "onnxscript", "onnxruntime", "numpy", "safetensors"]
    python, installed = environment / "bin" / "python", environment / "spikemix-peers"
    if installed.is_file() and installed.read_text().split() == packages:
        return python
    if not python.is_file() and subprocess.run([sys.executable, "-m", "venv", environment]).returncode:
        die(f"no virtual environment in {environment}: its message is above")
    size = subprocess.run([python, ROOT / "script" / "download_size.py", *packages], capture_output=True, text=True)
    print(f"installing {', '.join(packages)} into {environment}: {size.stdout.strip() or 'several hundred MB'}; "
          "about 1.5 GB on the disk", file=sys.stderr, flush=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    if subprocess.run(pip, stdout=sys.stderr).returncode:
        die("pip could not install the engines: its message is above")
    installed.write_text("\n".join(packages))
    return python


def trained_model(program, mixer, data, runs):
    """The run folder's model of the published size, trained in runs/engine-bench unless `runs` has it.

    An untrained model hardly fires, which would leave nothing to compute for an engine that skips zeros.
    """
    folder = (runs or ROOT / "runs" / "engine-bench") / mixer
    model, finished = folder / "best" / "model.safetensors", (folder / "summary.json").is_file()
    if runs:
        if not model.is_file():
            die(f"--runs {runs}: no {mixer}/best/model.safetensors in it")
        if not finished:
            print(f"{folder} is a run that has not finished: its best model so far", file=sys.stderr)
        return model
    if not finished:
        print(f"training {mixer}, once, in {folder}: 15,000 image passes, about half an hour", file=sys.stderr,
              flush=True)
        command = [program, "resume", folder] if (folder / "config.json").is_file() else [
            program, "train", "cifar10", "--data", data, "--out", folder, f"model.mixer={mixer}",
            "augment.randaugment_magnitude=0", "augment.erase_probability=0", "augment.mixup=0",
            "data.train_images=5000", "data.test_images=1000", "train.epochs=3", "train.cooldown_epochs=0",
            "train.warmup_epochs=0", "train.batch=32", "train.lr=1e-3", "train.precision=bf16"]
        if subprocess.run(command, stdout=sys.stderr).returncode:
            die(f"{program} did not train {mixer}: its message is above (a build without LibTorch cannot)")
    return model


def cifar_records(data, name):
    """[N, 3073] from a file of the official binary CIFAR-10, in its folder or archive."""
    if data.is_file():
        with tarfile.open(data) as archive:
            member = next((m for m in archive if pathlib.PurePath(m.name).name == name), None)
            content = archive.extractfile(member).read() if member else b""
    else:
        path = next(iter(sorted(data.rglob(name))), None)
        content = path.read_bytes() if path else b""
    if not content or len(content) % RECORD:
        die(f"--data {data}: no {name} of whole records in it; expected the binary version of CIFAR-10")
    return numpy.frombuffer(content, numpy.uint8).reshape(-1, RECORD)


def subset(records, count):
    """The images that `spikemix ... --images COUNT` uses: equally many of each class (spikemix/data/subset.h)."""
    labels = records[:, 0]
    sizes = numpy.bincount(labels)
    quota = sizes * count // len(labels)
    by_loss = numpy.argsort(-(sizes * count % len(labels)), kind="stable")
    quota[by_loss[: count - quota.sum()]] += 1
    chosen = numpy.concatenate([numpy.flatnonzero(labels == label)[:most] for label, most in enumerate(quota)])
    return records[numpy.sort(chosen)]


def write_images(path, data, count):
    """What step_worker and peer_worker.py read: normalised images as float32, then labels as int64."""
    records = subset(cifar_records(data, "test_batch.bin"), count)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).astype(numpy.float32) / 255
    mean, std = (numpy.array(v, numpy.float32).reshape(3, 1, 1)
                 for v in ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]))
    path.write_bytes(((pixels - mean) / std).tobytes() + records[:, 0].astype(numpy.int64).tobytes())


def write_png(path, record):
    """The picture of a record, for `spikemix predict`."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = record[1:].reshape(3, 32, 32).transpose(1, 2, 0).reshape(32, 96)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
