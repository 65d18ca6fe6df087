"""A published-style checkpoint, imported by the program, answers as the network that it was saved from."""
import argparse
import json
import re

import numpy as np
import pytest
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
