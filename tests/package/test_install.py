"""The wheel, installed with only numpy."""
import importlib.util
import pathlib
import re
import subprocess
import sys

import spikemix

from places import SOURCE


def test_only_the_wheels_requirements_are_installed():
    """The environment has no torch, as intended, and the package is the wheel's, not the source tree's."""
    assert importlib.util.find_spec("torch") is None
    assert SOURCE / "python" not in pathlib.Path(spikemix.__file__).parents


def test_version():
    project = (SOURCE / "CMakeLists.txt").read_text()
    assert spikemix.__version__ == re.search(r"project\(spikemix VERSION ([0-9.]+)", project)[1]


def test_the_program(program):
    """As a console command and as a module: the same answers as from the release build."""
    expected = subprocess.check_output([program, "mixers", "--json"])
    beside = pathlib.Path(sys.executable).with_name("spikemix")
    assert subprocess.check_output([beside, "mixers", "--json"]) == expected
    assert subprocess.check_output([sys.executable, "-m", "spikemix", "mixers", "--json"]) == expected
