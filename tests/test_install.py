"""The installed package: a stranger's CMake project or compiler line finds it, builds against it and gets the right numbers."""
import json
import os
import re
import subprocess

import numpy as np
import pytest
import pywt

from conftest import BUILD, SOURCE

EXAMPLES = SOURCE / "examples"
MODEL = SOURCE / "models" / "cifar10-cpu.safetensors"


def run(*command, status=0, **env):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, **env})
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout if status == 0 else result.stderr


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where the build is installed."""
    if not (BUILD / "CMakeCache.txt").exists():
        pytest.skip(f"no build at {BUILD}")
    prefix = tmp_path_factory.mktemp("install") / "prefix"
    run("cmake", "--install", BUILD, "--prefix", prefix, DESTDIR="")
    return prefix


@pytest.fixture
def build(prefix, tmp_path):
    """build(example): the program of examples/<example>, built with find_package(spikemix)."""

    def build(example):
        # With the training half, the package looks for LibTorch too.
        torch_dir = re.findall("^Torch_DIR:PATH=.*$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
        run("cmake", "-G", "Ninja", "-S", EXAMPLES / example, "-B", tmp_path / example, f"-DCMAKE_PREFIX_PATH={prefix}",
            *(f"-D{line}" for line in torch_dir))
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
    """A picture of 32 x 32 as a PPM with a comment, and what `spikemix predict` says of the same pixels."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("picture")
    y, x = np.mgrid[:32, :32]
    pixels = np.stack([8 * x, 8 * y, (x * y) % 256], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    (folder / "a.ppm").write_bytes(b"P6\n# made by a test\n32 32\n255\n" + pixels.tobytes())
    answer = json.loads(run(BUILD / "spikemix", "predict", "--model", MODEL, "--json", folder / "a.png"))[0]
    return folder / "a.ppm", answer


def check_classifier(program, picture):
    ppm, answer = picture
    lines = run(program, MODEL, ppm).splitlines()
    logits = np.array(answer["logits"])
    p = np.sort(np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum())[::-1]
    assert lines[0].split(maxsplit=2)[2] == answer["label"]
    np.testing.assert_allclose([float(line.split()[0]) for line in lines], 100 * p[:3], atol=0.006)
    # the program's exit codes, and one line of what is wrong
    assert "no such file" in run(program, ppm.parent / "nowhere", ppm, status=2)
    assert "safetensors" in run(program, ppm, ppm, status=2)
    assert "no binary PPM" in run(program, MODEL, MODEL, status=2)
    cut = ppm.with_name("cut.ppm")
    cut.write_bytes(ppm.read_bytes()[:-1])
    assert "ends before its last pixel" in run(program, MODEL, cut, status=2)


@pytest.mark.parametrize("example", ["classify", "classify_c"])
def test_classify_with_cmake(build, picture, example):
    check_classifier(build(example), picture)


@pytest.mark.parametrize("compiler, source", [
    (["c++", "-std=c++20"], "classify/classify.cc"), (["cc", "-std=c99"], "classify_c/classify_c.c")])
def test_classify_with_pkg_config(prefix, picture, tmp_path, compiler, source):
    # Moved: the package is found from where its file lies.
    moved = tmp_path / "elsewhere"
    prefix.rename(moved)
    try:
        file, = moved.rglob("spikemix-engine.pc")
        flags = run("pkg-config", "--cflags", "--libs", "spikemix-engine", PKG_CONFIG_PATH=str(file.parent)).split()
        run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", EXAMPLES / source, *flags, "-o", tmp_path / "app")
        check_classifier(tmp_path / "app", picture)
    finally:
        moved.rename(prefix)
