# SPDX-License-Identifier: MIT
"""How a training starts and what constrains it: whitened and identity convolutions, a budget of spikes; its average."""
import gzip

import numpy as np
import pytest
import safetensors.numpy
import torch

from test_families import FAMILIES, SIZES
from test_model import build
import tiny
from tiny import make_place, metrics, run, train

WEIGHT = "patch_embed.proj_conv.weight"
INTEGER = ["neuron.kind=integer", "model.stream=membrane"]
BUDGET = [*INTEGER, "train.spike_cost=1"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("learning"), train=320, test=20)


def trained(spikemix, place, name, *overrides):
    return tiny.trained(spikemix, place, place / name, *overrides).stderr


def images(place):
    """Normalised, [n, 1, 16, 16]."""
    raw = gzip.decompress((place / "data" / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    return (np.frombuffer(raw, np.uint8).reshape(-1, 1, 16, 16) / 255 - 0.5) / 0.5


def whitening(x, kernel, stride, outputs):
    """airbench's filters, with numpy: from all windows inside the pictures, the largest components with both signs."""
    patches = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]
    patches = patches.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1] * kernel**2)
    values, vectors = np.linalg.eigh(np.cov(patches.T, bias=True))
    n = min(len(values), outputs // 2)
    values, vectors = values[::-1][:n], vectors.T[::-1][:n]
    vectors *= np.sign(np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1))
    filters = vectors / np.sqrt(values + 5e-4)[:, None]
    return np.concatenate([filters, -filters]), patches


@pytest.mark.parametrize("stem,kernel,stride,outputs", [("conv4", 3, 1, 4), ("conv2", 3, 1, 8), ("conv1", 4, 4, 32)])
def test_the_first_convolution_starts_from_the_patches(spikemix, place, stem, kernel, stride, outputs):
    """The weights keep their initial values: they are frozen."""
    options = [f"model.stem={stem}", f"train.freeze={WEIGHT}", "train.epochs=1"]
    trained(spikemix, place, f"white-{stem}", "train.whiten=true", *options)
    trained(spikemix, place, f"usual-{stem}", *options)
    weight, usual = (safetensors.numpy.load_file(place / f"{name}-{stem}" / "last" / "model.safetensors")[WEIGHT]
                     for name in ("white", "usual"))
    filters, patches = whitening(images(place), kernel, stride, outputs)
    n = len(filters)
    assert weight.shape == (outputs, 1, kernel, kernel) and n == min(outputs, 2 * kernel**2)
    flat = weight.reshape(outputs, -1)
    np.testing.assert_allclose(flat[:n], filters, rtol=1e-3, atol=1e-4)
    assert (weight[n:] == usual[n:]).all() and not (weight[:n] == usual[:n]).any()
    seen = (patches - patches.mean(0)) @ flat[:n // 2].T
    np.testing.assert_allclose(seen.T @ seen / len(seen), np.eye(n // 2), atol=0.1)


@pytest.mark.parametrize("stem,taken", [("conv4", True), ("conv2", False)])
def test_weights_that_have_learned_stay_as_they_are(spikemix, place, stem, taken):
    """A recipe that whitens and starts as identities can be fine-tuned: only what train.init lacks starts so."""
    own = make_place(place / f"fine-{stem}", train=320, test=20)
    (own / "tiny.toml").write_text(tiny.RECIPE + "whiten = true\nidentity_start = true\n")
    tiny.trained(spikemix, place, own / "start", "train.epochs=1")
    tiny.trained(spikemix, own, own / "fine", f"train.init={own / 'start'}", f"model.stem={stem}", "train.epochs=1",
                 "train.freeze=stem")
    start, fine = (safetensors.numpy.load_file(own / name / "last" / "model.safetensors") for name in ("start", "fine"))
    if taken:
        assert all((fine[name] == start[name]).all() for name in (WEIGHT, "patch_embed.proj_conv1.weight"))
    else:
        filters, _ = whitening(images(own), 3, 1, len(fine[WEIGHT]))
        flat = fine[WEIGHT].reshape(len(fine[WEIGHT]), -1)
        np.testing.assert_allclose(flat[:len(filters)], filters, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("c", [SIZES["image"] | {"mixer": ["dwc3"]}, FAMILIES["maxformer"], FAMILIES["qkformer"]])
def test_convolutions_start_as_identities(ops, c):
    ours, usual = build(ops, c, c["mixer"]), build(ops, c, c["mixer"]).state()
    ours.start_as_identities()
    changed = 0
    for name, weight in ours.state().items():
        if torch.equal(weight, usual[name]):
            continue
        copies = min(weight.shape[:2])
        want = usual[name].clone()
        torch.nn.init.dirac_(want[:copies])
        assert torch.equal(weight, want), name
        changed += 1
        if copies == weight.shape[0]:
            x = torch.randn(1, weight.shape[1], 5, 7)
            assert torch.equal(torch.nn.functional.conv2d(x, weight, padding=1), x[:, :copies])
    threes = [n for n, t in usual.items() if t.dim() == 4 and t.shape[-1] == 3 and t.shape[1] > 3]
    assert changed == len(threes) > 2


def test_identities_are_what_training_starts_from(spikemix, place):
    trained(spikemix, place, "identities", "train.identity_start=true", "train.freeze=stem", "train.epochs=1")
    weight = safetensors.numpy.load_file(place / "identities" / "last" / "model.safetensors")
    conv = weight["patch_embed.proj_conv2.weight"]  # 8 to 16 channels
    assert (conv[:8] == torch.nn.init.dirac_(torch.zeros(8, 8, 3, 3)).numpy()).all() and (conv[8:] != 0).all()


def test_the_cost_of_spikes_is_reported_and_falls(spikemix, place):
    text = trained(spikemix, place, "dear", *INTEGER, "train.spike_cost=3")
    trained(spikemix, place, "free", *INTEGER, "train.spike_cost=1e-9")
    dear, free = (metrics(place / name, "epoch") for name in ("dear", "free"))
    for line in dear:
        assert line["spike_cost"] == pytest.approx(3 * line["spike_operations"], rel=1e-12)
        assert 0 < line["density"] <= line["spike_operations"] <= 4 * line["density"]
    assert dear[-1]["spike_operations"] < 0.8 * free[-1]["spike_operations"]
    last = dear[-1]
    assert (f"spikes {100 * last['spike_operations']:.1f} % of dense, cost {last['spike_cost']:.3f}, "
            f"density {100 * last['density']:.1f} %") in text
    trained(spikemix, place, "silent", *INTEGER, "train.epochs=1")
    assert not any("spike" in key for key in metrics(place / "silent", "epoch")[0])


@pytest.mark.parametrize("target", [0.15, 0.4])
def test_training_reaches_its_budget(spikemix, place, target):
    name = f"budget-{target}"
    trained(spikemix, place, name, *BUDGET, f"train.spike_target={target}", "train.epochs=20", "augment.mixup=0")
    last = metrics(place / name, "epoch")[-1]
    assert last["spike_operations"] == pytest.approx(target, rel=0.25)  # 0.7 in the first epoch
    state = safetensors.numpy.load_file(place / name / "state.safetensors")
    level, weight = state["spikes.level_and_weight"]
    excess = np.log(weight / level)  # in the last step
    assert abs(excess) < 0.4 and abs(np.log(level)) < 0.01 * 400 and level != 1
    assert last["spike_cost"] == pytest.approx(weight * last["spike_operations"], rel=0.4)


def test_a_target_needs_a_weight_to_start_with(spikemix, place):
    for key, message in [
        ("train.spike_target=0.1", "train.spike_cost = 0: expected more than 0 with train.spike_target"),
        ("train.spike_cost=-1", "train.spike_cost = -1: expected 0 to"),
        ("augment.flip=false", "augment.alternate_flip = true: expected false without augment.flip"),
    ]:
        refused = run(*train(spikemix, place, place / "refused", "augment.alternate_flip=true", key))
        assert refused.returncode == 2 and message in refused.stderr, refused.stderr


def test_the_average_begins_where_the_weights_do(spikemix, place):
    """After one step, average = (start + model) / 2: weights (whitened ones included) and batch norm's statistics."""
    trained(spikemix, place, "average", *BUDGET, "train.spike_target=0.1", "train.whiten=true",
            "train.identity_start=true", "augment.alternate_flip=true", "train.ema=0.5", "train.epochs=1",
            "train.warmup_epochs=0", "data.train_images=20")
    state = safetensors.numpy.load_file(place / "average" / "state.safetensors")
    names = [n.removeprefix("model.") for n in state if n.startswith("model.")]
    pairs = {n: (state["model." + n], state["average." + n]) for n in names}
    start = {n: 2 * average - now for n, (now, average) in pairs.items() if average.dtype == np.float32}
    filters, _ = whitening(images(place)[:20], 3, 1, 4)
    np.testing.assert_allclose(start[WEIGHT].reshape(4, -1), filters, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(start["patch_embed.proj_conv1.weight"][:4, :4, 1, 1], np.eye(4), atol=1e-5)
    for name, value in start.items():
        if "running_mean" in name:
            np.testing.assert_allclose(value, 0, atol=1e-6)
            assert (pairs[name][1] != 0).any(), name
        if "running_var" in name:
            np.testing.assert_allclose(value, 1, rtol=1e-5)
    last = safetensors.numpy.load_file(place / "average" / "last" / "model.safetensors")
    assert all((last[n] == average).all() for n, (_, average) in pairs.items())  # it is tested and exported
