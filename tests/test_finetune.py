# SPDX-License-Identifier: MIT
"""train.init takes the parts of a trained model that fit; train.freeze keeps parts unchanged, statistics included."""
import json
import shutil

import numpy as np
import pytest
import safetensors.numpy

import tiny
from tiny import make_place, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("finetune"), train=320, test=40)


# Trained enough that its neurons also fire with the running statistics.
TRAINED = ["neuron.v_threshold=0.5", "train.ema=0", "train.epochs=3"]


@pytest.fixture(scope="module")
def trained(spikemix, place):
    tiny.trained(spikemix, place, place / "trained", *TRAINED)
    return place / "trained"


def tensors(folder, which="last"):
    return safetensors.numpy.load_file(folder / which / "model.safetensors")


def line_of(result):
    [line] = [line for line in result.stderr.splitlines() if "train.init = " in line]
    return line


def test_starts_from_trained_weights(spikemix, place, trained):
    out = place / "tuned"
    # No step changes anything: the tested weights are those that it began with.
    result = tiny.trained(spikemix, place, out, "neuron.v_threshold=0.5", f"train.init={trained}",
                          "train.freeze=all but head", "train.epochs=1", "train.lr=1e-12", "train.warmup_lr=0",
                          "train.min_lr=0", "train.weight_decay=0")
    assert "taken" in line_of(result) and "initial values" not in line_of(result) and "not used" not in line_of(result)
    before, after = tensors(trained, "best"), tensors(out)
    for name, tensor in before.items():
        np.testing.assert_allclose(after[name], tensor, rtol=1e-5, atol=1e-6, err_msg=name)
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in [trained, out]]
    assert summaries[1]["last_top1"] == summaries[0]["best_top1"]
    record = json.loads((out / "config.json").read_text())
    assert record["init"]["taken"] == record["init"]["of"] == len(before) and len(record["init"]["checksum"]) == 16


@pytest.mark.parametrize("before", [False, True], ids=["new", "in an existing folder"])
def test_a_model_of_which_nothing_fits_leaves_no_run(spikemix, place, trained, tmp_path, before):
    out = tmp_path / "runs" / "none"
    if before:
        out.mkdir(parents=True)
        (out / "notes.txt").write_text("mine")
    result = run(*tiny.train(spikemix, place, out, "train.init=builtin", "model.mixer=ssa"))
    assert result.returncode == 2 and "none of its tensors" in result.stderr, result.stderr
    assert out.exists() == before and (not before or [file.name for file in out.iterdir()] == ["notes.txt"])
    assert run(*tiny.train(spikemix, place, out, "train.epochs=1")).returncode == 0, "the folder is free"


@pytest.mark.parametrize("overrides, anew, not_used", [
    (["model.depth=3"], "block.2.", None),
    (["model.depth=1"], None, "block.1."),
    (["model.mixer=ssa"], "block.0.attn.q_linear", None),
    (["model.T=3"], None, None),
    (["model.height=24", "model.width=24"], None, None),
    (["model.embed_dim=64"], "[8, 1, 3, 3], in that model [4, 1, 3, 3]", None),
])
def test_what_fits_is_taken_and_the_rest_is_named(spikemix, place, trained, overrides, anew, not_used):
    out = place / f"other-{overrides[0]}"
    command = tiny.train(spikemix, place, out, f"train.init={trained}", "train.epochs=1", *overrides)
    result = run(*command)
    # all but the norms' counters has another shape, or the head's bias goes with its weight
    if "embed_dim" in overrides[0]:
        assert result.returncode == 2 and "none of its tensors" in result.stderr, result.stderr
        return
    assert result.returncode == 0, result.stderr
    line = line_of(result)
    assert (f"initial values: {anew}" in line) if anew else ("initial values" not in line), line
    assert (not_used in line) if not_used else ("not used" not in line or "attn" in line), line


def test_other_classes_get_a_new_head(spikemix, place, trained, tmp_path):
    # Pictures in three folders: other classes, and another number of them.
    from PIL import Image
    rng = np.random.default_rng(0)
    for split, count in [("train", 16), ("test", 4)]:
        for label in ["a", "b", "c"]:
            (tmp_path / "data" / split / label).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(
                    tmp_path / "data" / split / label / f"{i}.png")
    shutil.copy(place / "tiny.toml", tmp_path)
    result = tiny.trained(spikemix, tmp_path, tmp_path / "out", f"train.init={trained}", "train.freeze=all but head",
                          "model.classes=0", "train.epochs=1")
    assert "initial values: head.weight [3, 32], in that model [10, 32]" in line_of(result)
    assert tensors(tmp_path / "out")["head.weight"].shape == (3, 32)
    before, after = tensors(trained, "best"), tensors(tmp_path / "out")
    for name in before:
        if not name.startswith("head."):
            np.testing.assert_array_equal(after[name], before[name], err_msg=name)


@pytest.mark.parametrize("mixer, extra", [("fft2d", []), ("ssa", ["train.recompute=true"]),
                                          ("ssa", ["train.optimizer=muon", "train.precision=bf16"]),
                                          ("gated", ["train.optimizer=muon", "train.recompute=true"])])
@pytest.mark.parametrize("entry, frozen", [("stem", "patch_embed."), ("blocks", "block."), ("block.0", "block.0.")])
def test_what_is_frozen_stays_and_the_rest_learns(spikemix, place, tmp_path, mixer, extra, entry, frozen):
    start = place / f"start-{mixer}"
    if not start.exists():
        tiny.trained(spikemix, place, start, f"model.mixer={mixer}", *TRAINED)
    tiny.trained(spikemix, place, tmp_path / "out", f"model.mixer={mixer}", *TRAINED, "train.epochs=1", *extra,
                 f"train.init={start / 'last' / 'model.safetensors'}", f"train.freeze={entry}")
    before, after = tensors(start), tensors(tmp_path / "out")
    for name in before:
        same = np.array_equal(before[name], after[name])
        # Statistics and their counters, too. A bias before a norm has no gradient: it stays, frozen or not.
        assert same if name.startswith(frozen) else not same or name.endswith(".bias"), name


def test_resume_does_not_read_it_again(spikemix, place, trained, tmp_path):
    start = tmp_path / "start.safetensors"
    shutil.copy(trained / "best" / "model.safetensors", start)
    settings = [f"train.init={start}", "train.freeze=stem", "train.checkpoint_seconds=0"]
    tiny.trained(spikemix, place, tmp_path / "whole", *settings)
    tiny.trained(spikemix, place, tmp_path / "cut", *settings, "train.epochs=1")
    start.unlink()
    # As if killed before the first step: the run continues from the weights that it took.
    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    for gone in ["summary.json"]:
        (tmp_path / "again" / gone).unlink()
    again = run(spikemix, "resume", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    more = run(spikemix, "resume", tmp_path / "cut", "train.epochs=2")
    assert more.returncode == 0, more.stderr
    assert json.loads((tmp_path / "cut" / "config.json").read_text())["init"]["from"] == str(start)


def test_the_built_in_model_can_be_the_start(spikemix, tmp_path, trained):
    from PIL import Image
    rng = np.random.default_rng(0)
    for split, count in [("train", 8), ("test", 2)]:
        for label in ["a", "b"]:
            (tmp_path / "data" / split / label).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(
                    tmp_path / "data" / split / label / f"{i}.png")
    result = run(spikemix, "train", "cifar10-cpu", "--data", tmp_path / "data", "--out", tmp_path / "out",
                 "--threads", "1", "model.classes=0", "train.init=builtin", "train.epochs=1", "train.batch=4",
                 "data.validation=0", "train.lr=1e-12", "train.freeze=all but head")
    assert result.returncode == 0, result.stderr
    line = line_of(result)
    assert "initial values: head.weight [2, 224], in that model [10, 224]" in line
    assert "not used" not in line.replace("not used: head", "")


@pytest.mark.parametrize("override, words", [
    ("train.init=no/such/file", ["no/such/file"]), ("train.freeze=blok.0", ["train.freeze", "blok.0"]),
    ("train.freeze=stem,blocks,head", ["nothing is left to learn"]),
    ("train.freeze=block.0.attn.bn.wieght", ["nearest"])])
def test_refusals(spikemix, place, tmp_path, override, words):
    result = run(*tiny.train(spikemix, place, tmp_path / "out", override))
    assert result.returncode == 2 and len(result.stderr.splitlines()) <= 3, result.stderr
    assert all(word in result.stderr for word in words), result.stderr
    assert not (tmp_path / "out" / "config.json").exists()
