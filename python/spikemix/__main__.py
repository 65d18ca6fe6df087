# SPDX-License-Identifier: MIT
"""The program: `spikemix ...` and `python -m spikemix ...`."""
import os
import signal
import sys

from . import _core


def main() -> None:
    words = sys.argv[1:]
    if words[:1] in (["train"], ["resume"], ["verify"], ["sweep"]):
        _train(words)
    # As in a program that Python does not run: Ctrl-C and a reader that has gone end it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(_core.program([os.fsencode(word) for word in ["spikemix", *words]]))


def _train(words: list[str]) -> None:
    from . import training

    try:
        program = training.find_program()
    except FileNotFoundError as error:
        print(f"spikemix: {words[0]}: {error}", file=sys.stderr)
        sys.exit(2)
    os.execv(program, ["spikemix", *words])


if __name__ == "__main__":
    main()
