#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Accuracy against operations: what train.spike_cost takes from each mixer, and what it gives.

  spikemix sweep bench/spikes.toml --data DIR
  .venv/bin/python bench/spikes.py runs/spikes/*/ --data DIR -o spikes.svg

Prints a Markdown table with a row for each mixer and cost: test top-1 as mean and standard deviation over seeds, and
the additions that spikes cause in an image (`spikemix count`: a count of n is n rounds of spikes). With --speed also
the engine's images a second on one thread: all models of a seed take turns, and the median of the ratios to the same
mixer without a cost is shown. The picture has a line for each mixer, and a point for each cost.
"""
import argparse
import collections
import json
import pathlib
import statistics
import subprocess

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = pathlib.Path(__file__).resolve().parent.parent


def told(*command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def read(run, arguments):
    config = json.loads((run / "config.json").read_text())["config"]
    total = told(arguments.spikemix, "count", run, "--data", arguments.data, "--images", str(arguments.images),
                 "--json")["total"]
    return {"run": run, "mixer": ",".join(config["model"]["mixer"]), "cost": config["train"]["spike_cost"],
            "seed": config["train"]["seed"], "top1": json.loads((run / "summary.json").read_text())["best_top1"],
            "additions": (total["additions"] + total["count_by_value"]) / 1e6, "density": 100 * total["density"]}


def time(rows, arguments):
    """Adds `speed`, a list of images a second, to each row; rows take turns."""
    options = ["--data", arguments.data, "--images", str(arguments.images), "--batch", "16", "--threads", "1",
               "--precision", "int8", "--json"]
    for _ in range(arguments.speed):
        for row in rows:
            seen = told(arguments.spikemix, "bench", row["run"], *options)
            row.setdefault("speed", []).append(seen["images_per_second"])


def spread(values):
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values) if len(values) > 1 else 0:.2f}"


def table(groups, speed):
    print("| mixer | `train.spike_cost` | runs | test top-1, % | additions of spikes, M an image | of no cost "
          "| inputs that are not 0 |" + (" engine int8, of no cost |" if speed else ""))
    print("|---|---|---|---|---|---|---|" + ("---|" if speed else ""))
    for (mixer, cost), own in sorted(groups.items()):
        free = {row["seed"]: row for row in groups.get((mixer, 0), [])}
        pairs = [(row, free[row["seed"]]) for row in own if row["seed"] in free]
        cells = [f"`{mixer}`", f"{cost:g}", str(len(own)), spread([row["top1"] for row in own]),
                 spread([row["additions"] for row in own]),
                 f"{statistics.mean(a['additions'] / b['additions'] for a, b in pairs):.2f}" if pairs else "",
                 f"{statistics.mean(row['density'] for row in own):.1f} %"]
        if speed:
            ratios = [x / y for a, b in pairs for x, y in zip(a["speed"], b["speed"])]
            cells.append(f"{statistics.median(ratios):.2f}x" if ratios else "")
        print(f"| {' | '.join(cells)} |")


def draw(groups, path):
    figure, axes = plt.subplots(figsize=(6.4, 4))
    lines = collections.defaultdict(list)
    for (mixer, _), own in sorted(groups.items()):
        lines[mixer].append(own)
    for mixer, points in lines.items():
        x = [statistics.mean(row["additions"] for row in own) for own in points]
        y = [[row["top1"] for row in own] for own in points]
        axes.errorbar(x, [statistics.mean(v) for v in y],
                      [statistics.stdev(v) if len(v) > 1 else 0 for v in y], marker="o", capsize=3, label=mixer)
    axes.set_xlabel("additions of spikes, millions an image")
    axes.set_ylabel("test top-1, %")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="run folders; those that are not done are left out")
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--speed", type=int, default=0, metavar="ROUNDS", help="rounds of timing; default: none")
    parser.add_argument("-o", "--output", metavar="SVG")
    parser.add_argument("--spikemix", default=str(ROOT / "build/release/spikemix"))
    arguments = parser.parse_args()
    done = [run for run in arguments.runs if (run / "summary.json").exists()]
    if not done:
        parser.error("none of these runs is done")
    if len(done) < len(arguments.runs):
        print(f"{len(arguments.runs) - len(done)} of {len(arguments.runs)} runs are not done and left out\n")
    rows = [read(run, arguments) for run in done]
    for seed in sorted({row["seed"] for row in rows}):
        time([row for row in rows if row["seed"] == seed], arguments)
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["mixer"], row["cost"]].append(row)
    table(groups, arguments.speed)
    if arguments.output:
        draw(groups, arguments.output)


if __name__ == "__main__":
    main()
