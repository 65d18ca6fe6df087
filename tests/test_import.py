"""A published-style checkpoint, imported by the program, answers as the network that it was saved from."""
import argparse
import json
import re

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from test_model import IMAGE, published
from tiny import run

C = dict(IMAGE, height=16, width=16, classes=5)
RECIPE = """
name = "imported"
[model]
channels = 3
height = 16
width = 16
classes = 5
T = 4
embed_dim = 32
depth = 2
heads = 4
ssa_scale = 1.0
[data]
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("import")
    model = published(C, "ssa").eval()
    state = {"module." + name: tensor for name, tensor in model.state_dict().items()}
    torch.save({"epoch": 300, "arch": "spikformer", "state_dict": state,
                "args": argparse.Namespace(lr=5e-4), "metric": 95.2}, folder / "checkpoint.pth.tar")
    (folder / "recipe.toml").write_text(RECIPE)
    return folder, model


def test_imported_model_gives_the_same_logits(spikemix, checkpoint):
    folder, model = checkpoint
    result = run(spikemix, "import", folder / "checkpoint.pth.tar", "--recipe", folder / "recipe.toml", "-o", folder / "model.safetensors")
    assert result.returncode == 0, result.stderr
    assert "block.1.norm2.bias" in result.stdout  # what it skips, it names
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (6, 16, 16, 3), np.uint8)
    files = [folder / f"{i}.png" for i in range(6)]
    for file, picture in zip(files, pictures):
        Image.fromarray(picture).save(file)
    answer = json.loads(run(spikemix, "predict", "--model", folder / "model.safetensors", "--json", *files).stdout)
    x = (torch.tensor(pictures).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    with torch.no_grad():
        want = model(x)
    assert want.std(0).min() > 1e-3  # the pictures are told apart
    torch.testing.assert_close(torch.tensor([a["logits"] for a in answer]), want, rtol=1e-4, atol=1e-4)
    info = json.loads(run(spikemix, "info", folder / "model.safetensors", "--json").stdout)
    assert info["mixers"] == ["ssa", "ssa"]


def test_a_checkpoint_that_does_not_fit_lists_what_is_wrong(spikemix, checkpoint):
    folder, _ = checkpoint
    result = run(spikemix, "import", folder / "checkpoint.pth.tar", "--recipe", folder / "recipe.toml", "model.depth=1",
                 "model.classes=7", "-o", folder / "none.safetensors")
    assert result.returncode == 2
    assert "'head.weight' is [5, 32], expected [7, 32]; " in result.stderr and "'block.1.attn." in result.stderr
    assert re.search(r" is unknown; and \d+ more \(another recipe or key=value\?\)$", result.stderr)
    assert not (folder / "none.safetensors").exists()


def imported(spikemix, folder, content, *more):
    torch.save(content, folder / "m.pth")
    (folder / "recipe.toml").write_text(RECIPE)
    return run(spikemix, "import", folder / "m.pth", "--recipe", folder / "recipe.toml", "-o", folder / "m.safetensors", *more)


def taken(folder):
    return safetensors.torch.load_file(folder / "m.safetensors")


@pytest.fixture(scope="module")
def state(checkpoint):
    return {k: v for k, v in checkpoint[1].state_dict().items() if "norm" not in k}


WRAPPED = {
    "compiled": lambda s: {"_orig_mod." + k: v for k, v in s.items()},
    "compiled in parallel": lambda s: {"model": {"module._orig_mod." + k: v for k, v in s.items()}},
    "compiled blocks": lambda s: {k.replace("block.0.", "block.0._orig_mod."): v for k, v in s.items()},
    "Lightning": lambda s: {"state_dict": {**{"model." + k: v for k, v in s.items()}, "criterion.weight": torch.ones(5)}},
    "Lightning with an average": lambda s: {"state_dict": {**{"model." + k: v for k, v in s.items()},
                                                           **{"model_ema.module." + k: 0 * v for k, v in s.items()}}},
    "an average beside": lambda s: {**s, **{"model_ema.module." + k: 0 * v for k, v in s.items()}},
    "timm": lambda s: {"state_dict": s, "state_dict_ema": {k: 0 * v for k, v in s.items()}, "metric": torch.tensor(1.0)},
    "average alone": lambda s: {"ema": {"module": s, "updates": 7}},
    "profiled": lambda s: {**s, "total_ops": torch.zeros(1), "block.0.mlp.total_params": torch.zeros(1)},
}


@pytest.mark.parametrize("how", WRAPPED)
def test_wrapped_checkpoints_are_what_they_wrap(spikemix, state, tmp_path, how):
    result = imported(spikemix, tmp_path, WRAPPED[how](state))
    assert result.returncode == 0, result.stderr
    got = taken(tmp_path)
    assert set(got) == set(state) and all(torch.equal(got[k], state[k]) for k in state)
    if "Lightning" in how:
        assert "skipped, not under 'model.'" in result.stdout
    if how == "timm":
        assert "--weights takes another: state_dict_ema" in result.stdout
        assert imported(spikemix, tmp_path, WRAPPED[how](state), "--weights", "state_dict_ema").returncode == 0
        assert not taken(tmp_path)["head.weight"].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_fp32_and_run(spikemix, state, tmp_path, dtype):
    rounded = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
    assert imported(spikemix, tmp_path, rounded).returncode == 0
    got = taken(tmp_path)
    assert all(torch.equal(got[k], rounded[k].float()) for k in got if got[k].is_floating_point())
    Image.new("RGB", (16, 16), (200, 10, 90)).save(tmp_path / "p.png")
    for engine in ("spikemix", "torch"):
        result = run(spikemix, "predict", "--model", tmp_path / "m.safetensors", "--engine", engine, tmp_path / "p.png")
        assert result.returncode == 0, result.stderr
    rounded["head.bias"] = torch.full_like(rounded["head.bias"], float("inf"))
    result = imported(spikemix, tmp_path, rounded)
    assert result.returncode == 2 and "'head.bias' holds a value that is no number" in result.stderr


def test_the_imagenet_variant_is_named(spikemix, state, tmp_path):
    """Its linear maps are convolutions of size 1: fc1_conv [4 D, D, 1, 1]."""
    variant = {k.replace("_linear", "_conv"): v.reshape(*v.shape, 1, 1) if "_linear.weight" in k else v for k, v in state.items()}
    result = imported(spikemix, tmp_path, variant)
    assert result.returncode == 2 and "ImageNet model" in result.stderr and "CIFAR-10" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
