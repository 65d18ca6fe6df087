"""The program that the wheel holds: `spikemix ...` and `python -m spikemix ...`."""
import os
import pathlib
import sys


def main() -> None:
    program = pathlib.Path(__file__).parent / "bin" / "spikemix"
    os.execv(program, ["spikemix", *sys.argv[1:]])


if __name__ == "__main__":
    main()
