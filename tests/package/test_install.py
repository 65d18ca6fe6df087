"""The wheel, installed with numpy and nothing else."""
import importlib.util
import pathlib
import re
import subprocess
import sys

import spikemix

from conftest import SOURCE


def test_only_what_the_wheel_asks_for():
    """They see no torch, which is what they are for; and the package is the wheel's, not the sources'."""
    assert importlib.util.find_spec("torch") is None
    assert SOURCE / "python" not in pathlib.Path(spikemix.__file__).parents


def test_version():
    project = (SOURCE / "CMakeLists.txt").read_text()
    assert spikemix.__version__ == re.search(r"project\(spikemix VERSION ([0-9.]+)", project)[1]


def test_the_program(program):
    """As a console command and as a module: the same answers as the release build's."""
    expected = subprocess.check_output([program, "mixers", "--json"])
    beside = pathlib.Path(sys.executable).with_name("spikemix")
    assert subprocess.check_output([beside, "mixers", "--json"]) == expected
    assert subprocess.check_output([sys.executable, "-m", "spikemix", "mixers", "--json"]) == expected
