# SPDX-License-Identifier: MIT
"""The installed package: an outside CMake project or compiler line finds it, builds against it and gets the right
numbers."""
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import pywt

from places import BUILD, PROGRAM, SOURCE

EXAMPLES = SOURCE / "examples"
MODEL = SOURCE / "models" / "cifar10-cpu.safetensors"


def run(*command, status=0, **env):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, **env})
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout if status == 0 else result.stderr


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """The folder of the installed build."""
    if not (BUILD / "CMakeCache.txt").exists():
        pytest.skip(f"no build at {BUILD}")
    prefix = tmp_path_factory.mktemp("install") / "prefix"
    run("cmake", "--install", BUILD, "--prefix", prefix, DESTDIR="")
    return prefix


def configure(prefix, source, binary, *options, status=0):
    """Runs CMake on a project that knows only where spikemix is."""
    return run("cmake", "-G", "Ninja", "-S", source, "-B", binary, f"-DCMAKE_PREFIX_PATH={prefix}", *options,
               status=status)


@pytest.fixture
def build(prefix, tmp_path):
    """build(example): the program of examples/<example>, built with find_package(spikemix)."""

    def build(example):
        configure(prefix, EXAMPLES / example, tmp_path / example)
        run("cmake", "--build", tmp_path / example)
        return tmp_path / example / example

    return build


def test_find_package(build, prefix):
    printed = np.array(run(build("mix")).split(), float)
    expected = np.concatenate(pywt.wavedec([1, 0, 1, 1, 0, 0, 1, 0], "haar", "periodization", 2))
    np.testing.assert_allclose(printed, expected, atol=1e-4)
    # the program runs from where it was installed
    assert run(prefix / "bin" / "spikemix", "--version").startswith("spikemix 0.")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A picture of 32 x 32 as a PPM with a comment, and the answer of `spikemix predict` to the same pixels."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("picture")
    y, x = np.mgrid[:32, :32]
    pixels = np.stack([8 * x, 8 * y, (x * y) % 256], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    (folder / "a.ppm").write_bytes(b"P6\n# made by a test\n32 32\n255\n" + pixels.tobytes())
    answer = json.loads(run(PROGRAM, "predict", "--model", MODEL, "--json", folder / "a.png"))[0]
    return folder / "a.ppm", answer


def check_classifier(program, picture):
    ppm, answer = picture
    lines = run(program, MODEL, ppm).splitlines()
    logits = np.array(answer["logits"])
    p = np.sort(np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum())[::-1]
    assert lines[0].split(maxsplit=2)[2] == answer["label"]
    np.testing.assert_allclose([float(line.split()[0]) for line in lines], 100 * p[:3], atol=0.006)
    # the program's exit codes, and one line on the fault
    assert "no such file" in run(program, ppm.parent / "nowhere", ppm, status=2)
    assert "safetensors" in run(program, ppm, ppm, status=2)
    assert "not a binary PPM" in run(program, MODEL, MODEL, status=2)
    cut = ppm.with_name("cut.ppm")
    cut.write_bytes(ppm.read_bytes()[:-1])
    assert "ends before its last pixel" in run(program, MODEL, cut, status=2)


def readme_block(language):
    """The lines of README's code block under "Use it from C++ and C" that is marked as `language`."""
    section = (SOURCE / "README.md").read_text().split("## Use it from C++ and C\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^```(\w*)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))[language]


def project(folder, source, cmake, languages="CXX"):
    """A project with one program, app, made from `source`."""
    folder.mkdir(exist_ok=True)
    (folder / source.name).write_bytes(source.read_bytes())
    (folder / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.25)\nproject(app LANGUAGES {languages})\n"
        f"add_executable(app {source.name})\n{cmake}")
    return folder


def test_readmes_cmake_lines_need_no_torch(prefix, picture, tmp_path):
    """Without LibTorch on the machine: none is looked for, and none gets into the program."""
    app = project(tmp_path / "app", EXAMPLES / "classify" / "classify.cc", readme_block("cmake"))
    configure(prefix, app, app / "build", "-DTorch_DIR=/nowhere", "-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON",
              "-DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON")
    run("cmake", "--build", app / "build")
    assert "torch" not in run("ldd", app / "build" / "app")
    check_classifier(app / "build" / "app", picture)


def test_readmes_pkg_config_line(prefix, picture, tmp_path):
    line = readme_block("").split("#")[0]
    assert line.startswith("cc app.c $(pkg-config ")
    (tmp_path / "app.c").write_bytes((EXAMPLES / "classify_c" / "classify_c.c").read_bytes())
    run("sh", "-c", f"cd {tmp_path} && {line}", PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    check_classifier(tmp_path / "app", picture)


def test_component_train_brings_torch(prefix, tmp_path):
    if "SPIKEMIX_TRAIN:BOOL=ON" not in (BUILD / "CMakeCache.txt").read_text():
        pytest.skip(f"{BUILD} has no training half")
    source = tmp_path / "rate.cc"
    source.write_text("""
#include "spikemix/engine/session.h"
#include "spikemix/train/schedule.h"

int main() { return spikemix::learning_rate({.epochs = 2, .warmup_epochs = 0, .lr = 1}, 0) == 1 ? 0 : 1; }
""")
    asks = "find_package(spikemix REQUIRED COMPONENTS {})\ntarget_link_libraries(app PRIVATE spikemix::{})\n"
    app = project(tmp_path / "app", source, asks.format("train", "train spikemix::engine"))
    configure(prefix, app, app / "build")
    run("cmake", "--build", app / "build")
    run(app / "build" / "app")
    # no LibTorch there: one line says what to give
    error = configure(prefix, app, app / "without", "-DTorch_DIR=/nowhere", status=1)
    line, = [line for line in error.splitlines() if "component train" in line]
    assert "Torch_DIR (/nowhere) holds no LibTorch; give -DTorch_DIR=" in line and "cmake_prefix_path" in line
    # a project for which it is optional configures without it
    app = project(tmp_path / "app", source, "find_package(spikemix REQUIRED OPTIONAL_COMPONENTS train)\n"
                  "if(spikemix_train_FOUND OR NOT TARGET spikemix::engine OR TARGET torch)\n"
                  "  message(FATAL_ERROR no)\nendif()\n")
    configure(prefix, app, app / "optional", "-DTorch_DIR=/nowhere")


# The headers that users include (docs/engine.md).
FRONT_HEADERS = {"engine": ["base/exceptions.h", "engine/c_api.h", "engine/image_input.h", "engine/session.h",
                            "mixers/mixer.h"],
                 "train": ["train/schedule.h", "train/trainer.h"]}


def includes(include, header, folder, *compiler):
    """Compiles the public header alone, and returns what it includes: public headers, and the paths of others."""
    source, found = folder / "alone.c", folder / "alone.d"
    source.write_text(f'#include "spikemix/{header}"\n')
    run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", include, "-MD", "-MF", found,
        source)
    paths = [os.path.normpath(p) for p in found.read_text().replace("\\\n", " ").split()[2:]]
    root = str(include / "spikemix") + "/"
    return {p[len(root):] for p in paths if p.startswith(root)}, [p for p in paths if not p.startswith(root)]


def test_public_headers(prefix, tmp_path):
    """Each compiles alone, needing only the standard library and the others, and none is missing for users."""
    include = prefix / "include"
    installed = {str(p.relative_to(include / "spikemix")) for p in include.rglob("*") if p.is_file()}
    trains = "SPIKEMIX_TRAIN:BOOL=ON" in (BUILD / "CMakeCache.txt").read_text()
    front = FRONT_HEADERS["engine"] + (FRONT_HEADERS["train"] if trains else [])
    reached = set()
    for header in sorted(installed):
        public, others = includes(include, header, tmp_path, "c++", "-std=c++20", "-x", "c++")
        reached |= public if header in front else set()
        strangers = [p for p in others if re.search(r"/(hwy|nlohmann|fmt|toml\+\+|torch|ATen|c10)/", p)]
        assert not strangers, f"{header} includes {strangers[0]}"
    assert installed == reached
    assert includes(include, "engine/c_api.h", tmp_path, "cc", "-std=c99")[0] == {"engine/c_api.h"}


def test_the_packages_refusals(prefix, tmp_path):
    app = project(tmp_path / "app", EXAMPLES / "classify" / "classify.cc",
                  "find_package(spikemix REQUIRED COMPONENTS engines)\n")
    error = configure(prefix, app, app / "build", status=1)
    assert "no component 'engines': there are engine (the default), train and shared\n" in error
    app = project(tmp_path / "c", EXAMPLES / "classify_c" / "classify_c.c", readme_block("cmake"), languages="C")
    assert "the project lacks CXX" in configure(prefix, app, app / "build", status=1)


def test_shared_library_exports_the_c_api_and_nothing_else(prefix):
    library = (prefix / "lib" / "libspikemix.so").resolve()
    exported = set(re.findall(r" T (\w+)$", run("nm", "-D", "--defined-only", library), re.MULTILINE))
    header = (SOURCE / "spikemix" / "engine" / "c_api.h").read_text()
    assert exported == set(re.findall(r"^[a-z][a-z0-9_ *]*?[ *](spikemix_\w+)\(", header, re.MULTILINE))
    assert "SONAME" in (dynamic := run("readelf", "-d", library)) and "[libspikemix.so.0]" in dynamic
    assert "torch" not in run("ldd", library)


def test_shared_library_from_python(prefix, picture):
    ppm, answer = picture
    header, _, pixels = ppm.read_bytes().partition(b"# made by a test\n")
    plain = ppm.with_name("plain.ppm")
    plain.write_bytes(header + pixels)
    example, path = EXAMPLES / "ctypes_classify.py", str(prefix / "lib")
    lines = run(sys.executable, example, MODEL, plain, LD_LIBRARY_PATH=path).splitlines()
    assert len(lines) == 3 and lines[0].split(" % ")[1] == answer["label"]
    assert float(lines[0].split()[0]) == pytest.approx(100 * answer["probability"], abs=0.006)
    assert "no such file" in run(sys.executable, example, "/nowhere", plain, status=1, LD_LIBRARY_PATH=path)


def test_packages(picture, tmp_path):
    """The .deb and the tarball contain the program and the shared library, and the library works from there."""
    for tool in ("dpkg-deb", "dpkg-shlibdeps", "file"):
        if not shutil.which(tool):
            pytest.skip(f"no {tool} here, which CPack needs to make a .deb")
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", tmp_path)
    deb, = tmp_path.glob("*.deb")
    run("dpkg-deb", "-x", deb, tmp_path / "root")
    listed = run("tar", "-tzf", next(tmp_path.glob("*.tar.gz")))
    for file in ("bin/spikemix", "lib/libspikemix.so.0", "include/spikemix/engine/c_api.h",
                 "lib/pkgconfig/spikemix.pc"):
        assert (tmp_path / "root" / "usr" / file).exists() and f"/{file}\n" in listed
    assert "libfmt" in run("dpkg-deb", "-f", deb, "Depends")
    assert run(tmp_path / "root" / "usr" / "bin" / "spikemix", "--version").startswith("spikemix 0.")
    path = str(tmp_path / "root" / "usr" / "lib")
    error = run(sys.executable, EXAMPLES / "ctypes_classify.py", "/nowhere", picture[0], status=1, LD_LIBRARY_PATH=path)
    assert "no such file" in error
    docs = tmp_path / "root" / "usr" / "share" / "doc" / "spikemix"
    assert (docs / "copyright").read_bytes() == (SOURCE / "LICENSE").read_bytes()
    check_third_party((docs / "THIRD-PARTY.md").read_text(), tmp_path / "root" / "usr")
    assert "/doc/spikemix/copyright\n" in listed and "/doc/spikemix/THIRD-PARTY.md\n" in listed


def check_third_party(page, prefix):
    """Every library that the files ask for is named, and the licences of those whose headers are code in them."""
    table = page.split("\n## ")[0]
    for file in ("bin/spikemix", "lib/libspikemix.so.0"):
        asked = re.findall(r"^\s*(\S+\.so[.\d]*) ", run("ldd", prefix / file), re.MULTILINE)
        asked = [os.path.basename(name) for name in asked if "linux-vdso" not in name]
        assert len(asked) > 5
        assert [name for name in asked if f" {name}" not in table] == []
    assert "not known" not in table
    for name, licence in {"CLI11": "BSD-3-Clause", "fmt": "MIT", "FlatBuffers": "Apache-2.0", "Highway": "Apache-2.0",
                          "JSON for Modern C++": "MIT", "stb": "MIT OR Unlicense", "toml++": "MIT"}.items():
        row, = [line for line in table.splitlines() if line.startswith(f"| [{name}](")]
        assert f" | {licence} | inside: headers" in row and f"\n## {name}\n" in page
    text = page.split("\n## CLI11\n")[1].split("\n## ")[0]
    assert "University of Cincinnati" in text and "Redistributions of source code must retain" in text
    assert "\n## /usr/share/common-licenses/Apache-2.0\n" in page and "GoogleTest" not in page


def test_shared_library_from_c(prefix, picture, tmp_path):
    """With CMake without C++, and with pkg-config; none of the engine's dependencies is visible."""
    app = project(tmp_path / "app", EXAMPLES / "classify_c" / "classify_c.c",
                  "find_package(spikemix REQUIRED COMPONENTS shared)\n"
                  "target_link_libraries(app PRIVATE spikemix::shared m)\n", languages="C")
    configure(prefix, app, app / "build", "-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_hwy=ON")
    run("cmake", "--build", app / "build")
    check_classifier(app / "build" / "app", picture)
    flags = run("pkg-config", "--cflags", "--libs", "spikemix",
                PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig")).split()
    run("cc", "-std=c99", app / "classify_c.c", *flags, "-lm", f"-Wl,-rpath,{prefix / 'lib'}", "-o", tmp_path / "plain")
    check_classifier(tmp_path / "plain", picture)


@pytest.mark.parametrize("example", ["classify", "classify_c"])
def test_classify_with_cmake(build, picture, example):
    check_classifier(build(example), picture)


@pytest.mark.parametrize("compiler, source", [
    (["c++", "-std=c++20"], "classify/classify.cc"), (["cc", "-std=c99"], "classify_c/classify_c.c")])
def test_classify_with_pkg_config(prefix, picture, tmp_path, compiler, source):
    # Moved: the package is found relative to its own file.
    moved = tmp_path / "elsewhere"
    prefix.rename(moved)
    try:
        file, = moved.rglob("spikemix-engine.pc")
        flags = run("pkg-config", "--cflags", "--libs", "spikemix-engine", PKG_CONFIG_PATH=str(file.parent)).split()
        run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", EXAMPLES / source, *flags, "-o", tmp_path / "app")
        check_classifier(tmp_path / "app", picture)
    finally:
        moved.rename(prefix)
