# SPDX-License-Identifier: MIT
"""The wheel and the sdist that script/package has made: their names, contents and symbols, the stubs and the types.
What checks them lies in an environment of its own, build/package/tools."""
import ast
import email
import os
import platform
import re
import subprocess
import tarfile
import zipfile

import pytest

from places import SOURCE

PACKAGE = SOURCE / "build" / "package"
TOOLS = PACKAGE / "tools" / "bin"
SOURCES = SOURCE / "python" / "spikemix"
VERSION = re.search(r"project\(spikemix VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text())[1]
# What every Linux has beside the C library: manylinux's list, of which this is what the module may ask for.
SYSTEM = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1"}


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def the_only(pattern):
    found, = PACKAGE.glob(pattern)
    return found


@pytest.fixture(scope="module")
def wheel():
    return the_only("*.whl")


@pytest.fixture(scope="module")
def sdist():
    return the_only("*.tar.gz")


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def files_under(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_one_wheel_for_every_python_and_linux_of_its_processor(wheel):
    """As docs/python.md says. auditwheel chose the tag by the versions of the symbols that the module asks for."""
    said = int(re.search(r"`manylinux_2_(\d+)`", (SOURCE / "docs" / "python.md").read_text())[1])
    found = re.fullmatch(rf"spikemix-{VERSION}-cp310-abi3-manylinux_2_(\d+)_{platform.machine()}.whl", wheel.name)
    # Made on a system that is newer than Debian 12, it may ask for more.
    assert found and (int(found[1]) <= said or tuple(map(int, platform.libc_ver()[1].split("."))) > (2, 36))
    assert wheel.stat().st_size < 6_000_000


def test_the_wheel_has_all_that_is_its_own_and_nothing_else(unpacked):
    ours = {f"spikemix/{name}" for name in files_under(SOURCES) if not name.endswith(".pyc")}
    assert {"spikemix/py.typed", "spikemix/_core.pyi", "spikemix/nn/ops/mix.py"} <= ours
    info = f"spikemix-{VERSION}.dist-info"
    about = {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
                                           "licenses/THIRD-PARTY.md")}
    rest = files_under(unpacked) - ours - about - {"spikemix/_core.abi3.so"}
    assert files_under(unpacked) >= ours | about | {"spikemix/_core.abi3.so"}
    others = rf"spikemix\.libs/[\w.+-]+\.so[.\d]*|{info}/sboms/[\w.-]+\.json"  # auditwheel's
    assert all(re.fullmatch(others, name) for name in rest), rest
    assert (unpacked / info / "licenses" / "LICENSE").read_bytes() == (SOURCE / "LICENSE").read_bytes()
    for name in ours:
        assert (unpacked / name).read_bytes() == (SOURCES / name.removeprefix("spikemix/")).read_bytes(), name


def test_what_the_wheel_asks_for(unpacked):
    about = email.message_from_bytes((unpacked / f"spikemix-{VERSION}.dist-info" / "METADATA").read_bytes())
    needs = [need for need in about.get_all("Requires-Dist") if "extra ==" not in need]
    assert sorted(re.match(r"[\w-]+", need)[0] for need in needs) == ["nanobind-backend", "numpy"]
    assert about["Requires-Python"] == ">=3.10"


def test_the_module_asks_for_nothing_that_is_not_there(unpacked):
    """No LibTorch, and no library but the system's and those that the wheel brings."""
    libraries = list((unpacked / "spikemix.libs").glob("*")) if (unpacked / "spikemix.libs").is_dir() else []
    for module in [unpacked / "spikemix" / "_core.abi3.so", *libraries]:
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", module)))
        others = needed - SYSTEM - {library.name for library in libraries}
        assert all(name.startswith("ld-linux") for name in others), others
        undefined = run("nm", "--dynamic", "--undefined-only", "--demangle", module)
        assert "PyObject_" in undefined or module in libraries
        assert not re.search(r"\b(torch|c10|at|caffe2)::", undefined)


def test_the_module_is_of_the_stable_abi(wheel):
    run(TOOLS / "abi3audit", "--strict", wheel)


def test_an_index_would_take_both(wheel, sdist):
    assert run(TOOLS / "twine", "check", "--strict", wheel, sdist).count("PASSED") == 2


def test_the_sdist_has_what_a_wheel_is_built_from(sdist):
    """script/package has built the wheel from it, so that it lacks nothing."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"CMakeLists.txt", "LICENSE", "PKG-INFO", "README.md", "cmake", "models", "pyproject.toml", "python",
                    "recipes", "script", "spikemix"}
    stray = re.compile(r"_(test|bench)\.|^spikemix/(nn|train|cli/train)/|__pycache__|\.so$")
    strays = [name for name in names if stray.search(name)]
    assert not strays and {name for name in names if name.startswith("models/")} == {"models/cifar10-cpu.safetensors"}
    assert sdist.stat().st_size < 2_000_000


def test_the_stubs_are_the_modules():
    """What nanobind's stubgen writes about the installed module. They are kept in the repository, so that editors and
    mypy find them there too, and no build has to run what it has compiled (it may be for another processor)."""
    (tools,), made = PACKAGE.glob("tools/lib/python3*/site-packages"), PACKAGE / "_core.pyi"
    run(PACKAGE / "numpy" / "bin" / "python", "-m", "nanobind.stubgen", "--exclude-values", "-q",
        "-m", "spikemix._core", "-p", SOURCE / "python" / "core" / "stubs.txt", "-o", made,
        env={**os.environ, "PYTHONPATH": str(tools)}, cwd=PACKAGE)
    assert made.read_text() == (SOURCES / "_core.pyi").read_text(), "cp build/package/_core.pyi python/spikemix/"


def mypy(*arguments):
    """With the torch that spikemix.nn is tested with. What is known of torch is kept for the next time."""
    run(TOOLS / "python", "-m", "mypy", "--config-file", SOURCE / "pyproject.toml", "--strict", "--python-executable",
        PACKAGE / "torch" / "bin" / "python", "--cache-dir", PACKAGE / "mypy", *arguments, cwd=SOURCE / "tests")


def test_the_package_is_typed():
    mypy(SOURCES)


def test_a_users_script_is_typed():
    """Against the installed wheel: stubs and py.typed are in it, and types arrive."""
    mypy(SOURCE / "tests" / "package" / "user.py")


def test_the_users_script_uses_everything():
    used = {node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse((SOURCE / "tests" / "package" / "user.py").read_text()))
            if isinstance(node, (ast.Attribute, ast.Name))}
    for name in ("__init__", "data", "engine", "events", "nn/__init__", "plot", "training"):
        tree = ast.parse((SOURCES / f"{name}.py").read_text())
        lists = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"]
        assert len(lists) == 1 and not set(ast.literal_eval(lists[0])) - used, name
