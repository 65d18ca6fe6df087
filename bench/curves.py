#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Training curves of runs, as a picture: test (or validation) top-1 over minutes of training.

    .venv/bin/python bench/curves.py runs/wt2d runs/ssa=attention -o curves.svg

A name after = replaces the run's mixer and seed in the legend. Minutes are those of the epochs, without tests;
for runs on different machines, or next to other work, use --over epochs. Needs matplotlib, which script/test installs.
"""
import argparse
import json
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def curve(run, over):
    """(x, top-1 in percent) of each test in RUN/metrics.jsonl."""
    points, seconds = [], 0
    for number, text in enumerate((run / "metrics.jsonl").read_text().splitlines(keepends=True), 1):
        if not text.endswith("\n"):
            break  # as after a power cut
        try:
            line = json.loads(text)
            if line["type"] != "epoch":
                continue
            seconds += line["seconds"]
        except (ValueError, TypeError, KeyError) as error:
            raise SystemExit(f"{run}/metrics.jsonl, line {number}: damaged? ({error!r})")
        if (top1 := line.get("test_top1", line.get("validation_top1"))) is not None:
            points.append((line["epoch"] + 1 if over == "epochs" else seconds / 60, top1))
    return points


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN[=NAME]")
    parser.add_argument("-o", "--output", required=True,
                        help="a file of any format that matplotlib writes: .svg, .png, .pdf")
    parser.add_argument("--over", choices=["minutes", "epochs"], default="minutes")
    a = parser.parse_args()
    figure, axes = plt.subplots(figsize=(7, 4 + 0.22 * len(a.runs)), layout="constrained")
    kind = pathlib.Path(a.output).suffix[1:]
    if kind not in figure.canvas.get_supported_filetypes():
        parser.error(f"--output: {a.output} must end in one of {', '.join(figure.canvas.get_supported_filetypes())}")
    for argument in a.runs:
        folder, _, name = argument.partition("=")
        run = pathlib.Path(folder)
        for file in ["config.json", "metrics.jsonl"]:
            if not (run / file).exists():
                parser.error(f"{run}: not a run folder ({file} is missing)")
        config = json.loads((run / "config.json").read_text())["config"]
        points = curve(run, a.over)
        if not points:
            parser.error(f"{run}: none of its epochs has been tested yet")
        label = name or f"{' '.join(config['model']['mixer'])}, seed {config['train']['seed']}"
        axes.plot(*zip(*points), marker="o", markersize=3, linewidth=1.2, label=f"{label}: {points[-1][1]:.2f} %")
    axes.set_xlabel("epochs" if a.over == "epochs" else "minutes of training")
    axes.set_ylabel("top-1, %")
    axes.grid(color="0.9")
    figure.legend(loc="outside lower left", frameon=False)
    plt.rcParams["svg.hashsalt"] = "spikemix"  # the same file for the same runs
    figure.savefig(a.output, metadata={"Date": None} if kind == "svg" else None)


if __name__ == "__main__":
    main()
