"""The program that the wheel holds: `spikemix ...` and `python -m spikemix ...`."""
import os
import pathlib
import sys

from . import _core


def main() -> None:
    program = pathlib.Path(_core.__file__).parent / "bin" / "spikemix"
    os.execv(program, ["spikemix", *sys.argv[1:]])


if __name__ == "__main__":
    main()
