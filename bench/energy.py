#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Energy of models that were trained alike, by mixer: one `spikemix count` for each run of a sweep.

  spikemix sweep bench/mixing.toml --data DIR
  .venv/bin/python bench/energy.py runs/mixing/stem=conv4*/ --data DIR

Prints a Markdown table: mJ an image as mean and standard deviation over the runs of a mixer, and how far that is from
--baseline, with runs of the same seed in pairs. `as the papers count` is rate x T x FLOPs, without neurons, norms and
memory; `counted` has all operations, by the table --table.
"""
import argparse
import collections
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
MIXING = ("mixer", "attention")
MIXING_FIGURES = ("mixer_additions", "mixer_multiplications", "attention_kv_first")


def counted(run, arguments):
    command = [arguments.spikemix, "count", run, "--data", arguments.data, "--images", str(arguments.images), "--json"]
    count = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    config = json.loads((pathlib.Path(run) / "config.json").read_text())["config"]
    blocks = [layer for layer in count["layers"] if layer["kind"] in MIXING]
    return {"group": ",".join(config["model"]["mixer"]), "seed": config["train"]["seed"],
            "papers": count["as_published"]["energy_mj"], "counted": count["energy"][arguments.table],
            "int8": count["energy"][arguments.int8_table],
            "mixing": sum(layer[figure] for layer in blocks for figure in MIXING_FIGURES) / 1e6,
            "density": 100 * count["total"]["density"]}


def cell(own, baseline, column):
    values = list(own.values())
    spread = statistics.stdev(v[column] for v in values) if len(values) > 1 else 0
    text = f"{statistics.mean(v[column] for v in values):.4f} ± {spread:.4f}"
    pairs = [100 * (own[seed][column] / baseline[seed][column] - 1) for seed in own if seed in baseline]
    if own is baseline or not pairs:
        return text
    return f"{text} ({statistics.mean(pairs):+.1f} %, from {min(pairs):+.1f} to {max(pairs):+.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="run folders, one for each mixer and seed")
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--baseline", default="ssa", help="the mixer that the others are compared with")
    parser.add_argument("--table", default="horowitz-45nm-fp32")
    parser.add_argument("--int8-table", default="horowitz-45nm-int8")
    parser.add_argument("--spikemix", default=str(ROOT / "build/release/spikemix"))
    arguments = parser.parse_args()
    groups = collections.defaultdict(dict)
    for run in arguments.runs:
        row = counted(run, arguments)
        groups[row["group"]][row["seed"]] = row
    if arguments.baseline not in groups:
        parser.error(f"--baseline {arguments.baseline}: none of the runs has this mixer; there are {', '.join(groups)}")
    print("| mixer | runs | density | as the papers count, mJ | counted, mJ | counted, int8, mJ "
          "| operations that mix, M |")
    print("|---|---|---|---|---|---|---|")
    for group, own in groups.items():
        cells = [cell(own, groups[arguments.baseline], column) for column in ("papers", "counted", "int8")]
        density, mixing = (statistics.mean(row[column] for row in own.values()) for column in ("density", "mixing"))
        print(f"| `{group}` | {len(own)} | {density:.1f} % | {' | '.join(cells)} | {mixing:.2f} |")


if __name__ == "__main__":
    main()
