#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws docs/demo.svg, README's picture of the demo, from a real run: what `compare` and `predict` print about the two
models that script/demo trained.

usage: .venv/bin/python script/draw_demo.py        after script/demo
needs: pip install rich
"""
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).parents[1]
COMMANDS = ["spikemix compare runs/demo-fft2d runs/demo-ssa", "spikemix predict --model runs/demo-fft2d --images 2"]


def main():
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        sys.exit("script/draw_demo.py: needs rich: pip install rich")
    console = Console(record=True, width=110, file=open("/dev/null", "w"), force_terminal=True)
    for command in COMMANDS:
        done = subprocess.run(["build/release/" + command.split()[0], *command.split()[1:]], cwd=SOURCE,
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"script/draw_demo.py: {command}: {done.stderr.strip()}\nrun script/demo first")
        console.print(Text("$ ", style="bold green") + Text(command, style="bold"))
        console.print(Text.from_ansi(done.stdout))
    # rich's fonts come from the network; the reader's own are good enough.
    drawn = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="script/demo"), flags=re.DOTALL)
    (SOURCE / "docs" / "demo.svg").write_text(drawn.replace("Fira Code", "ui-monospace"))


if __name__ == "__main__":
    main()
