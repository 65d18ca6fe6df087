# SPDX-License-Identifier: MIT
"""train.device: a missing device is named before anything is written; on a GPU a run repeats to the bit."""
import json
import re
import signal
import subprocess
import time

import numpy as np
import pytest
import safetensors.numpy
import torch

import tiny
from test_ddp import finish, start
from tiny import make_place, metrics, run, train

GPUS = torch.cuda.device_count()
needs_gpu = pytest.mark.skipif(GPUS == 0, reason="no CUDA device")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("device"), train=512, test=40)


def trained(spikemix, place, out, *overrides):
    tiny.trained(spikemix, place, out, *overrides)
    return out


@pytest.mark.parametrize("device,what", [
    ("cudaa", "expected cpu, cuda or cuda:N"),
    ("cuda:x", "expected cpu, cuda or cuda:N"),
    ("cuda:99", "(has no CUDA|no GPU that it can use|GPU 99)"),
])
def test_missing_device_is_named(spikemix, place, device, what):
    for more in [[], ["--find-batch"], ["--profile"]]:
        result = run(*train(spikemix, place, place / "none", "--device", device, *more))
        assert result.returncode == 2
        assert re.fullmatch(rf"spikemix: device '{device}': .*{what}.*\n", result.stderr), result.stderr
        assert not (place / "none").exists()


def test_eval_names_a_missing_device_too(spikemix, place):
    model = trained(spikemix, place, place / "cpu", "train.epochs=1")
    result = run(spikemix, "eval", model, "--engine", "torch", "--device", "cuda:99")
    assert result.returncode == 2 and result.stderr.startswith("spikemix: device 'cuda:99': "), result.stderr


@needs_gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("mixer", ["fft2d", "ssa"])
def test_gpu_repeats_to_the_bit_through_a_kill(spikemix, place, tmp_path, mixer, precision):
    settings = ["--device", "cuda", f"model.mixer={mixer}", f"train.precision={precision}",
                "train.checkpoint_seconds=0"]
    whole = trained(spikemix, place, tmp_path / "whole", *settings)
    killed = tmp_path / "killed"
    process = subprocess.Popen(train(spikemix, place, killed, *settings))
    while not (killed / "state.safetensors").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    result = run(spikemix, "resume", killed)
    assert result.returncode == 0, result.stderr
    assert (whole / "last/model.safetensors").read_bytes() == (killed / "last/model.safetensors").read_bytes()
    result = run(spikemix, "verify", whole)
    assert result.returncode == 0 and "repeat to the bit" in result.stdout, result.stderr
    assert "on a GPU" in result.stderr


@needs_gpu
def test_gpu_learns_as_the_cpu_does(spikemix, place, tmp_path):
    """In the first step the two differ only by rounding, and by a spike that one of them flips."""
    settings = ["train.epochs=1", "train.warmup_epochs=0", "data.train_images=20"]
    runs = [trained(spikemix, place, tmp_path / device, "--device", device, *settings) for device in ("cpu", "cuda")]
    cpu, gpu = (metrics(out)[-1] for out in runs)
    assert gpu["train_loss"] == pytest.approx(cpu["train_loss"], rel=2e-3)
    assert gpu["gradient_norm"] == pytest.approx(cpu["gradient_norm"], rel=0.05)


@needs_gpu
def test_gpu_tools(spikemix, place, tmp_path):
    result = run(*train(spikemix, place, tmp_path / "x", "--device", "cuda", "--find-batch", "--json"))
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["batch"] == 512 and found["peak_memory_bytes"] < found["budget_bytes"]  # all of them
    result = run(*train(spikemix, place, tmp_path / "x", "--device", "cuda", "--profile", "--json"))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["limits"]["additions_per_second"] == 0  # no additions there
    model = trained(spikemix, place, tmp_path / "gpu", "--device", "cuda")
    tops = [json.loads(run(spikemix, "eval", model, "--json", *engine).stdout)["top1"]
            for engine in (["--engine", "torch", "--device", "cuda"], ["--engine", "torch"], [])]
    assert max(tops) - min(tops) <= 2.5  # one of 40 images


@pytest.mark.skipif(GPUS < 2, reason=f"{GPUS} CUDA devices, two ranks need two")
def test_two_gpus_learn_as_one(spikemix, place, tmp_path):
    settings = ["--device", "cuda", "train.epochs=1", "train.warmup_epochs=0", "data.train_images=20"]
    results = finish(start(train(spikemix, place, tmp_path / "two", *settings)))
    assert [code for code, _, _ in results] == [0, 0], results
    models = [safetensors.numpy.load_file(folder / "last/model.safetensors")
              for folder in (tmp_path / "two", trained(spikemix, place, tmp_path / "one", *settings))]
    for name, one in models[1].items():
        np.testing.assert_allclose(models[0][name], one, rtol=1e-3, atol=2e-4, err_msg=name)


@needs_gpu
@pytest.mark.skipif(GPUS > 1, reason="a GPU for each rank")
def test_more_ranks_than_gpus(spikemix, place, tmp_path):
    results = finish(start(train(spikemix, place, tmp_path / "two", "--device", "cuda")))
    assert [code for code, _, _ in results] == [2, 2], results
    assert "rank 1 would use GPU 1 (counted from 0), and this machine has 1" in results[1][2]
    assert "rank 1" in results[0][2] and len(results[0][2].splitlines()) == 1
