"""The installed package: a stranger's CMake project finds it, builds against it and gets PyWavelets' numbers."""
import os
import subprocess

import numpy as np
import pytest
import pywt

from conftest import BUILD, SOURCE


def test_find_package(tmp_path):
    if not (BUILD / "CMakeCache.txt").exists():
        pytest.skip(f"no build at {BUILD}")
    env = {**os.environ, "DESTDIR": ""}

    def run(*command):
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    run("cmake", "--install", BUILD, "--prefix", tmp_path / "prefix")
    cache = (BUILD / "CMakeCache.txt").read_text()
    torch_dir = next(line.split("=", 1)[1] for line in cache.splitlines() if line.startswith("Torch_DIR:"))
    run("cmake", "-G", "Ninja", "-S", SOURCE / "examples" / "mix", "-B", tmp_path / "build",
        f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}", f"-DTorch_DIR={torch_dir}")
    run("cmake", "--build", tmp_path / "build")
    printed = np.array(run(tmp_path / "build" / "mix").split(), float)
    expected = np.concatenate(pywt.wavedec([1, 0, 1, 1, 0, 0, 1, 0], "haar", "periodization", 2))
    np.testing.assert_allclose(printed, expected, atol=1e-4)
    # the program runs from where it was installed
    assert run(tmp_path / "prefix" / "bin" / "spikemix", "--version").startswith("spikemix 0.")
