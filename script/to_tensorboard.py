# SPDX-License-Identifier: MIT
"""Writes a run's metrics as TensorBoard event files: .venv/bin/python script/to_tensorboard.py runs/A runs/B;
tensorboard --logdir runs

In Python, because PyTorch has the well-maintained writer of event files and C++ has none; needs `pip install
tensorboard`. After more epochs, run it again: it writes the whole run.
"""
import json
import pathlib
import shutil
import sys

from torch.utils.tensorboard import SummaryWriter

if len(sys.argv) < 2:
    sys.exit(__doc__)
for run in map(pathlib.Path, sys.argv[1:]):
    metrics = run / "metrics.jsonl"
    if not metrics.exists():
        sys.exit(f"{run}: not a run folder (it has no metrics.jsonl)")
    steps_per_epoch = json.loads((run / "config.json").read_text())["effective"]["steps_per_epoch"]
    shutil.rmtree(run / "tensorboard", ignore_errors=True)
    with SummaryWriter(run / "tensorboard") as writer:
        for line in map(json.loads, metrics.read_text().splitlines()):
            at_end = line["type"] != "step"
            step = (line["epoch"] + 1) * steps_per_epoch if at_end else line["epoch"] * steps_per_epoch + line["step"]
            kind = "/".join(filter(None, [line["type"], line.get("weights")]))
            for key, value in line.items():
                if key not in ("epoch", "step") and isinstance(value, (int, float)):
                    writer.add_scalar(f"{kind}/{key}", value, step)
    print(f"{run / 'tensorboard'}: written")
