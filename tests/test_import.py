# SPDX-License-Identifier: MIT
"""A published-style checkpoint, imported by the program, answers like the network that it was saved from."""
import argparse
import copy
import functools
import json
import re

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from spikingjelly.activation_based.functional import reset_net

import published as families
from test_model import EVENTS, IMAGE, Published, published
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
    result = run(spikemix, "import", folder / "checkpoint.pth.tar", "--recipe", folder / "recipe.toml",
                 "-o", folder / "model.safetensors")
    assert result.returncode == 0, result.stderr
    assert "block.1.norm2.bias" in result.stdout  # it names what it skips
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (6, 16, 16, 3), np.uint8)
    files = [folder / f"{i}.png" for i in range(6)]
    for file, picture in zip(files, pictures):
        Image.fromarray(picture).save(file)
    answer = json.loads(run(spikemix, "predict", "--model", folder / "model.safetensors", "--json", *files).stdout)
    x = (torch.tensor(pictures).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    with torch.no_grad():
        want = model(x)
    assert want.std(0).min() > 1e-3  # the pictures give different answers
    torch.testing.assert_close(torch.tensor([a["logits"] for a in answer]), want, rtol=1e-4, atol=1e-4)
    info = json.loads(run(spikemix, "info", folder / "model.safetensors", "--json").stdout)
    assert info["mixers"] == ["ssa", "ssa"]


def test_a_checkpoint_that_does_not_fit_lists_every_fault(spikemix, checkpoint):
    folder, _ = checkpoint
    result = run(spikemix, "import", folder / "checkpoint.pth.tar", "--recipe", folder / "recipe.toml", "model.depth=1",
                 "model.classes=7", "-o", folder / "none.safetensors")
    assert result.returncode == 2
    assert "'head.weight' is [5, 32], expected [7, 32]; " in result.stderr and "'block.1.attn." in result.stderr
    assert re.search(r" is unknown; and \d+ more \(another recipe or key=value, or --shape auto\?\)$", result.stderr)
    assert not (folder / "none.safetensors").exists()


def imported(spikemix, folder, content, *more):
    torch.save(content, folder / "m.pth")
    (folder / "recipe.toml").write_text(RECIPE)
    return run(spikemix, "import", folder / "m.pth", "--recipe", folder / "recipe.toml", "-o", folder / "m.safetensors",
               *more)


def taken(folder):
    return safetensors.torch.load_file(folder / "m.safetensors")


@pytest.fixture(scope="module")
def state(checkpoint):
    return {k: v for k, v in checkpoint[1].state_dict().items() if "norm" not in k}


WRAPPED = {
    "compiled": lambda s: {"_orig_mod." + k: v for k, v in s.items()},
    "compiled in parallel": lambda s: {"model": {"module._orig_mod." + k: v for k, v in s.items()}},
    "compiled blocks": lambda s: {k.replace("block.0.", "block.0._orig_mod."): v for k, v in s.items()},
    "Lightning": lambda s: {"state_dict": {**{"model." + k: v for k, v in s.items()},
                                           "criterion.weight": torch.ones(5)}},
    "Lightning with an average": lambda s: {"state_dict": {**{"model." + k: v for k, v in s.items()},
                                                           **{"model_ema.module." + k: 0 * v for k, v in s.items()}}},
    "an average beside": lambda s: {**s, **{"model_ema.module." + k: 0 * v for k, v in s.items()}},
    "timm": lambda s: {"state_dict": s, "state_dict_ema": {k: 0 * v for k, v in s.items()},
                       "metric": torch.tensor(1.0)},
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
    assert result.returncode == 2 and "'head.bias' holds a value that is not finite" in result.stderr


def test_the_imagenet_variant_is_named(spikemix, state, tmp_path):
    """Its linear maps are convolutions of size 1: fc1_conv [4 D, D, 1, 1]."""
    variant = {k.replace("_linear", "_conv"): v.reshape(*v.shape, 1, 1) if "_linear.weight" in k else v
               for k, v in state.items()}
    result = imported(spikemix, tmp_path, variant)
    assert result.returncode == 2 and "a Spikformer for ImageNet" in result.stderr and "CIFAR" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_model_of_events_does_not_fit_a_recipe_of_images(spikemix, tmp_path):
    result = imported(spikemix, tmp_path, published(EVENTS, "ssa").state_dict())
    assert result.returncode == 2 and "or --shape auto?" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


# Each family as it is published, small, and SpikingJelly's own models. The shape is read from the file, and settings
# that no tensor determines are given.

SMALL = dict(T=4, height=16, width=16, channels=3, classes=7, mlp_ratio=4, heads=[4], ssa_scale=1.0, input="image")
FRAMES = dict(SMALL, input="events", channels=2, T=3, height=32, width=32, mlp_ratio=1)
FAMILIES = {
    "spikformer": dict(SMALL, architecture="spikformer", embed_dim=48, depth=3, pool=[0, 0, 1, 1], mixer=["ssa"]),
    "spikformer of events": dict(FRAMES, architecture="spikformer", embed_dim=32, depth=2, pool=[1, 1, 1, 1],
                                 mixer=["ssa"], mlp_ratio=4),
    "maxformer": dict(SMALL, architecture="maxformer", embed_dim=64, depths=[1, 1, 2],
                      mixer=["identity:branch=false", "dwc3", "ssa"]),
    "maxformer, other mixers": dict(SMALL, architecture="maxformer", embed_dim=64, depths=[2, 1, 1],
                                    mixer=["dwc7", "dwc5", "qk-token"], mlp_ratio=1),
    "maxformer of events": dict(FRAMES, architecture="maxformer", embed_dim=64, depths=[1, 1], mixer=["dwc3", "ssa"]),
    "qkformer": dict(SMALL, architecture="qkformer", embed_dim=64, depths=[1, 2, 2],
                     mixer=["qk-token", "qk-token", "ssa"]),
    "qkformer of events": dict(FRAMES, architecture="qkformer", embed_dim=64, depths=[1, 1], mixer=["qk-token", "ssa"]),
}
UNREADABLE = ["T", "height", "width", "heads", "ssa_scale"]


@functools.cache
def theirs(name):
    """The published network; frames or pictures; its logits; settings from its code."""
    c = FAMILIES[name]
    torch.manual_seed(2)
    frames = [c["T"]] if c["input"] == "events" else []
    x = torch.randint(0, 3, (6, *frames, c["channels"], c["height"], c["width"])).float() if frames else pictures(c)[1]
    if c["architecture"] == "spikformer":
        model = families.settled(Published(dict(c, mlp_ratio=4), "ssa"), x)
    else:
        model = families.settled(families.Family(c), x)
    with torch.no_grad():
        return model, x, model(x)


def pictures(c):
    """Pixels [6, H, W, 3], and the network's input."""
    pixels = np.random.default_rng(4).integers(0, 256, (6, c["height"], c["width"], 3), np.uint8)
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2470, 0.2435, 0.2616])
    return pixels, ((torch.tensor(pixels) / 255 - mean) / std).permute(0, 3, 1, 2)


def settings(c, keys=UNREADABLE):
    return [f"model.{key}={json.dumps(c[key])}" for key in keys]


def take(spikemix, source, out, *more):
    result = run(spikemix, "import", source, "-o", out, *more)
    assert result.returncode == 0, result.stderr
    return result.stdout


def shown(spikemix, model):
    return json.loads(run(spikemix, "info", model, "--json", "--tensors").stdout)


def logits_of_pictures(spikemix, model, pixels, folder, engine):
    files = []
    for i, picture in enumerate(pixels):
        files.append(folder / f"{i}.png")
        Image.fromarray(picture).save(files[-1])
    result = run(spikemix, "predict", "--model", model, "--json", "--engine", engine, *files)
    assert result.returncode == 0, result.stderr
    return torch.tensor([answer["logits"] for answer in json.loads(result.stdout)])


def check_logits(spikemix, model, c, x, want, folder):
    assert want.std(0).min() > 1e-3  # the pictures give different answers
    if c["input"] == "image":
        for engine in ("spikemix", "torch"):
            check_close(logits_of_pictures(spikemix, model, pictures(c)[0], folder, engine), want)
    else:
        check_close(torch.classes.spikemix_test.Engine(str(model), "fp32", 1, False).infer(x), want)


def check_close(got, want):
    """A potential exactly at the threshold may fire or not: one input of six may differ by such spikes."""
    differing = ~torch.isclose(got, want, rtol=1e-4, atol=1e-4).all(1)
    assert differing.sum() <= 1, (got - want).abs().amax(1)


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_is_read_from_its_tensors_and_answers_alike(ops, spikemix, tmp_path, name):
    c = FAMILIES[name]
    model, x, want = theirs(name)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "m.pth")
    told = take(spikemix, tmp_path / "m.pth", tmp_path / "m.safetensors", *settings(c))
    info = shown(spikemix, tmp_path / "m.safetensors")
    for key in c:
        assert info["model"][key] == c[key], key
    names = {k.replace(".mixer.conv5", ".mixer.conv") for k in model.state_dict() if "norm" not in k}
    assert {t["name"] for t in info["tensors"]} == names
    assert info["parameters"] == sum(p.numel() for n, p in model.named_parameters() if "norm" not in n)
    if name == "maxformer":
        assert "stage1.0 has no tensors before its MLP" in told
    check_logits(spikemix, tmp_path / "m.safetensors", c, x, want, tmp_path)


@pytest.mark.parametrize("how", WRAPPED)
@pytest.mark.parametrize("name", ["maxformer", "qkformer of events"])
def test_wrapped_checkpoints_of_each_family(spikemix, tmp_path, name, how):
    state = theirs(name)[0].state_dict()
    wrapped = WRAPPED[how](state)
    if how == "compiled blocks":
        wrapped = {k.replace("stage1.0.", "stage1.0._orig_mod."): v for k, v in state.items()}
    torch.save(wrapped, tmp_path / "m.pth")
    take(spikemix, tmp_path / "m.pth", tmp_path / "m.safetensors", *settings(FAMILIES[name]))
    got = taken(tmp_path)
    assert set(got) == set(state) and all(torch.equal(got[k], state[k]) for k in state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_folders_in_the_hugging_face_layout(ops, spikemix, tmp_path, dtype):
    c = FAMILIES["qkformer"]
    model, x, _ = theirs("qkformer")
    state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in model.state_dict().items()}
    (tmp_path / "st").mkdir(), (tmp_path / "bin").mkdir()
    safetensors.torch.save_file({"module." + k: v for k, v in state.items()}, tmp_path / "st" / "model.safetensors")
    torch.save(state, tmp_path / "bin" / "pytorch_model.bin")
    config = {"num_heads": [4, 4, 4], "T": 4, "img_size_h": 16, "img_size_w": 16, "mlp_ratios": 4,
              "architectures": ["QKFormer"]}
    for folder in ("st", "bin"):
        (tmp_path / folder / "config.json").write_text(json.dumps(config))
        told = take(spikemix, tmp_path / folder, tmp_path / "m.safetensors", "model.ssa_scale=1.0")
        assert "model.heads=[4,4,4]" in told and "model.heads=8" not in told
        got = taken(tmp_path)
        assert all(torch.equal(got[k], state[k].float() if state[k].is_floating_point() else state[k]) for k in state)
        (tmp_path / folder / "config.json").unlink()
    take(spikemix, tmp_path / "st" / "model.safetensors", tmp_path / "n.safetensors", *settings(c))
    reference = copy.deepcopy(model)
    reference.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    with torch.no_grad():
        check_logits(spikemix, tmp_path / "n.safetensors", c, x, reference(x), tmp_path)
    again = run(spikemix, "import", tmp_path / "n.safetensors", "-o", tmp_path / "o.safetensors")
    assert again.returncode == 2 and "is a spikemix model already" in again.stderr


def spikingjelly_models():
    try:
        from spikingjelly.activation_based.model import maxformer, qkformer, spike_driven_transformer, spikformer
    except ImportError as error:
        pytest.skip(f"SpikingJelly's models: {error}")
    image = dict(num_classes=7, T=4)
    return {
        "spikformer": lambda: spikformer.Spikformer(
            img_size_h=16, img_size_w=16, patch_size=4, embed_dims=48, num_heads=4, depths=2, **image),
        "spikformer, patches of 16": lambda: spikformer.Spikformer(
            img_size_h=32, img_size_w=32, embed_dims=48, num_heads=4, depths=1, **image),
        "spikformer of events": lambda: spikformer.Spikformer(
            in_channels=2, img_size_h=32, img_size_w=32, embed_dims=32, num_heads=4, depths=1, **image),
        "maxformer": lambda: maxformer.MaxFormer(embed_dims=64, depths=(2, 1, 1), mlp_ratio=2, cifar=True, **image),
        "maxformer for ImageNet": lambda: maxformer.MaxFormer(embed_dims=64, depths=(1, 1, 1), **image),
        "qkformer for ImageNet": lambda: qkformer.QKFormer(
            embed_dims=64, num_heads=(2, 2, 2), depths=(1, 1, 1), **image),
        "spike-driven transformer": lambda: spike_driven_transformer.SpikeDrivenTransformer(
            embed_dims=64, num_heads=4, depths=1, num_classes=7),
    }


@pytest.mark.parametrize("name,more", [
    ("spikformer", ["model.ssa_scale=1", "model.heads=4", "model.height=16", "model.width=16"]),
    ("spikformer, patches of 16", ["model.ssa_scale=1", "model.heads=4", "model.pool=1,1,1,1"]),
    ("spikformer of events", ["model.ssa_scale=1", "model.heads=4", "model.height=32", "model.width=32", "model.T=4"]),
    ("maxformer", [])])
def test_models_of_spikingjelly(ops, spikemix, tmp_path, name, more):
    torch.manual_seed(3)
    model = spikingjelly_models()[name]()
    events, side = "events" in name, 16 if "model.height=16" in more else 32
    c = dict(SMALL, height=side, width=side, input="events" if events else "image")
    x = torch.randint(0, 3, (6, 4, 2, side, side)).float() if events else pictures(c)[1]

    def run_it(x):
        reset_net(model)
        y = model(x.transpose(0, 1) if events else x)
        return y.mean(0) if y.dim() == 3 else y  # its Spikformer answers at each step

    families.settled(model, x if not events else x.transpose(0, 1))
    for m in model.modules():
        if hasattr(m, "scale"):
            m.scale = 1.0  # with few tokens, attention with its scale of 1/8 would stay silent
    model.head.weight.data.mul_(20)
    with torch.no_grad():
        want = run_it(x)
    torch.save(model.state_dict(), tmp_path / "m.pth")
    take(spikemix, tmp_path / "m.pth", tmp_path / "m.safetensors", *more)
    info = shown(spikemix, tmp_path / "m.safetensors")
    assert info["model"]["pool_before_neuron"] == ("spikformer" in name)
    check_logits(spikemix, tmp_path / "m.safetensors", c, x, want, tmp_path)


@pytest.mark.parametrize("name", ["maxformer for ImageNet", "qkformer for ImageNet", "spike-driven transformer"])
def test_spikingjelly_models_that_are_not_imported_give_one_reason(spikemix, tmp_path, name):
    torch.save(spikingjelly_models()[name]().state_dict(), tmp_path / "m.pth")
    result = run(spikemix, "import", tmp_path / "m.pth", "-o", tmp_path / "m.safetensors")
    assert result.returncode == 2 and "of SpikingJelly" in result.stderr and "imported" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and len(result.stderr) < 400
    assert not (tmp_path / "m.safetensors").exists()


def test_two_networks_in_a_file_are_refused(spikemix, tmp_path):
    student = theirs("qkformer")[0].state_dict()
    teacher = theirs("maxformer")[0].state_dict()
    both = {"student." + k: v for k, v in student.items()} | {"teacher." + k: v for k, v in teacher.items()}
    torch.save(both, tmp_path / "m.pth")
    result = run(spikemix, "import", tmp_path / "m.pth", "-o", tmp_path / "m.safetensors")
    assert result.returncode == 2
    assert "'student.' (QKFormer)" in result.stderr and "'teacher.' (Max-Former)" in result.stderr


def test_a_recipe_of_another_family_is_refused(spikemix, tmp_path):
    result = imported(spikemix, tmp_path, theirs("qkformer")[0].state_dict())
    assert result.returncode == 2 and "a QKFormer; recipe" in result.stderr and "--shape auto" in result.stderr
    result = imported(spikemix, tmp_path, theirs("qkformer")[0].state_dict(), "--shape", "auto")
    assert result.returncode == 0, result.stderr
    info = shown(spikemix, tmp_path / "m.safetensors")
    assert info["model"]["architecture"] == "qkformer" and info["name"] == "imported" and info["model"]["height"] == 16
