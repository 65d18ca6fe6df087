# SPDX-License-Identifier: MIT
"""Validation images are never learned from, choose the best epoch, and leave the test images for the end."""
import json
import shutil

import pytest
import safetensors

import tiny
from tiny import learned, make_place, metrics, run, trained


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("validation"), train=240, test=40)


@pytest.fixture(scope="module")
def validated(spikemix, place):
    out = place / "validated"
    result = trained(spikemix, place, out, "data.validation=0.2")
    return out, result


def test_epochs_are_chosen_on_validation_images(spikemix, validated):
    out, result = validated
    epochs = metrics(out, "epoch")
    assert all("test_top1" not in line and line["validation_top1"] >= 0 for line in epochs)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["best_on"] == "validation" and summary["validation_images"] == 48 and summary["test_images"] == 40
    assert summary["best_validation_top1"] == max(line["validation_top1"] for line in epochs)
    assert summary["last_validation_top1"] == epochs[-1]["validation_top1"]
    effective = json.loads((out / "config.json").read_text())["effective"]
    assert effective["train_images"] == 192 and effective["validation_images"] == 48
    assert effective["best_on"] == "validation"
    assert "validation loss" in result.stderr and "chosen on 48 validation images" in result.stdout
    assert "validation_top1" in run(spikemix, "info", out).stdout


def test_test_images_are_seen_once_at_the_end(spikemix, place):
    # This seed's best epoch, at such a learning rate, is not the last.
    for seed in range(8):
        out = place / f"end-{seed}"
        trained(spikemix, place, out, "data.validation=0.1", f"train.seed={seed}", "train.lr=0.1", "train.ema=0")
        summary = json.loads((out / "summary.json").read_text())
        tests = {line["weights"]: line for line in metrics(out, "test")}
        assert metrics(out)[-1]["type"] == "test"
        assert summary["last_top1"] == tests["last"]["test_top1"]
        if summary["best_epoch"] != summary.get("epochs", 3) - 1:
            break
        assert list(tests) == ["last"]
    else:
        pytest.fail("every seed's best epoch was the last")
    assert summary["best_top1"] == tests["best"]["test_top1"] and tests["best"]["epoch"] == summary["best_epoch"]
    # `eval` gives the same as the end of the run: the weights were those of best/ and of last/.
    for weights in ["best", "last"]:
        told = run(spikemix, "eval", out / weights / "model.safetensors", "--data", place / "data", "--engine", "torch",
                   "--json")
        assert json.loads(told.stdout)["top1"] == pytest.approx(tests[weights]["test_top1"])
        with safetensors.safe_open(out / weights / "model.safetensors", "np") as file:
            card = json.loads(file.metadata()["spikemix"])
        assert "validation_top1" in json.dumps(card["training"]) and "test_top1" not in card["training"]


def test_without_validation_as_published(spikemix, place):
    out = place / "published"
    result = trained(spikemix, place, out)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["best_on"] == "test" and "best test top-1" in result.stdout and "test loss" in result.stderr
    assert summary["best_top1"] == max(line["test_top1"] for line in metrics(out, "epoch")) and not metrics(out, "test")


def test_the_same_images_every_time(spikemix, place, validated):
    out = place / "again"
    trained(spikemix, place, out, "data.validation=0.2", "train.loader_threads=1")
    assert learned(out) == learned(validated[0])
    other = place / "other-seed"
    trained(spikemix, place, other, "data.validation=0.2", "train.seed=1")
    facts = [json.loads((run_folder / "config.json").read_text())["data_facts"]
             for run_folder in [out, validated[0], other]]
    key = "hash of 16 validation images"
    assert facts[0][key] == facts[1][key] != facts[2][key]


def test_resumes_for_more_epochs(spikemix, place):
    out = place / "more"
    trained(spikemix, place, out, "data.validation=0.2", "train.epochs=2")
    more = run(spikemix, "resume", out, "train.epochs=3")
    assert more.returncode == 0, more.stderr
    # Earlier results on the test images stay on record.
    assert [line["epoch"] for line in metrics(out, "test") if line["weights"] == "last"] == [1, 2]
    refused = run(spikemix, "resume", out, "train.epochs=4", "data.validation=0")
    assert refused.returncode == 2 and "data.validation=0" in refused.stderr


@pytest.mark.parametrize("share, word", [("0.001", "none"), ("0.6", "0 to 0.5"), ("-1", "0 to 0.5")])
def test_impossible_shares_are_refused(spikemix, place, share, word):
    refused = run(*tiny.train(spikemix, place, place / "refused", f"data.validation={share}"))
    assert refused.returncode == 2 and "data.validation" in refused.stderr and word in refused.stderr
    assert not (place / "refused").exists()


def evaluated(spikemix, model, *flags):
    result = run(spikemix, "eval", model, "--json", *flags)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_eval_sees_the_images_of_the_training(spikemix, validated, place):
    out, _ = validated
    best = json.loads((out / "summary.json").read_text())["best_validation_top1"]
    whole = evaluated(spikemix, out, "--split", "validation", "--engine", "torch")
    assert whole["split"] == "validation" and whole["images"] == 48 and whole["top1"] == pytest.approx(best)
    best_epoch = max(metrics(out, "epoch"), key=lambda line: line["validation_top1"])
    assert whole["loss"] == pytest.approx(best_epoch["validation_loss"], rel=1e-6)
    learned = evaluated(spikemix, out, "--split", "train")
    assert learned["split"] == "train" and learned["images"] == 192
    assert evaluated(spikemix, out)["split"] == "test" and evaluated(spikemix, out)["images"] == 40
    # The model's card also records the draw.
    by_card = evaluated(spikemix, out / "best" / "model.safetensors", "--data", place / "data", "--split", "validation",
                        "--engine", "torch")
    assert {**by_card, "model": 0, "images_per_second": 0} == {**whole, "model": 0, "images_per_second": 0}


def test_eval_of_a_split_with_all_of_evals_options(spikemix, validated):
    out, _ = validated
    told = evaluated(spikemix, out, "--split", "validation", "--confusion", "--images", 20, "--exit-confidence", 0.9)
    assert told["images"] == 20 == sum(map(sum, told["confusion"])) and 1 <= told["mean_steps"] <= 2
    text = run(spikemix, "eval", out, "--split", "validation", "--confusion").stdout
    assert "on 48 validation images" in text and "rows: what it is" in text
    assert "on 40 test images" in run(spikemix, "eval", out).stdout


def test_missing_splits_are_refused(spikemix, place, tmp_path, validated):
    def refused(model, *flags):
        result = run(spikemix, "eval", model, *flags)
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
        return result.stderr

    out = tmp_path / "without"
    trained(spikemix, place, out, "train.epochs=1")
    assert "without validation images" in refused(out, "--split", "validation")
    assert evaluated(spikemix, out, "--split", "train")["images"] == 240
    model = out / "best" / "model.safetensors"
    assert "does not say" in refused(model, "--data", place / "data", "--split", "validation")
    assert evaluated(spikemix, model, "--data", place / "data", "--split", "train")["images"] == 240
    assert "the data has 240 images" in refused("builtin", "--data", place / "data", "--split", "validation")
    assert "--split" in refused(out, "--split", "both")
    assert "--answers" in refused(validated[0], "--split", "validation", "--answers", tmp_path / "answers.safetensors")
    # Other images under the same names would not be validation images.
    other = shutil.copytree(place / "data", tmp_path / "other")
    labels = (other / "train-labels-idx1-ubyte").read_bytes()
    (other / "train-labels-idx1-ubyte").write_bytes(labels[:8] + labels[8:][::-1])
    for model in [validated[0], validated[0] / "best" / "model.safetensors"]:
        assert "not the images" in refused(model, "--data", other, "--split", "validation")
