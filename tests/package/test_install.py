# SPDX-License-Identifier: MIT
"""The wheel, installed with only numpy."""
import importlib.metadata
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


def soname(name):
    """Without auditwheel's sum, and without the version: libfmt-4f700944.so.9.1.0 is libfmt.so."""
    return re.sub(r"-[0-9a-f]{8}\b", "", name).split(".so")[0] + ".so"


def test_licences_of_what_the_wheel_holds():
    """Those of the archives inside of its module, and of the libraries that auditwheel put beside it."""
    site = pathlib.Path(spikemix.__file__).parents[1]
    file, = [file for file in importlib.metadata.files("spikemix") if file.name == "THIRD-PARTY.md"]
    page = file.locate().read_text()
    table = page.split("\n## ")[0]
    beside = [soname(library.name) for library in (site / "spikemix.libs").iterdir()]
    assert beside and [name for name in beside if f" {name}" not in table] == []
    needed = subprocess.check_output(["readelf", "-d", spikemix._core.__file__], text=True)
    asked = [soname(name) for name in re.findall(r"\(NEEDED\).*\[(.*)\]", needed)]
    assert asked and [name for name in asked if f" {name}" not in table] == []
    assert "libpng.a" in table and "libarchive.a" in table and "not known" not in table
    # the GPL would count for the wheel too; LGPL code may be linked with a newer one, since all of the source is there
    assert "JBIG" not in table and not re.search(r"\| GPL-[\d.]+(-or-later|-only) \|", table)
    assert "\n## LERC\n" in page and "\n## nanobind\n" in page
    assert re.search("LESSER GENERAL PUBLIC LICENSE\n *Version 3", page)
