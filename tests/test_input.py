# SPDX-License-Identifier: MIT
"""Pictures are decoded once: training with and without the cache, and `bench --data`."""
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from test_cli import assert_refused
from tiny import RECIPE, run, write_idx


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """160 training and 20 test JPEGs, 24 x 20, in two classes: bright at the top, bright at the bottom."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for split, count in [("train", 160), ("test", 20)]:
        for i in range(count):
            pixels = rng.integers(0, 80, (24, 20, 3), np.uint8)
            pixels[(i % 2) * 12:(i % 2) * 12 + 12] += 150
            place = folder / split / ("above", "below")[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{i:03}.jpg")
    return folder


@pytest.fixture
def recipe(tmp_path):
    recipe = RECIPE.replace("channels = 1", "channels = 3").replace("classes = 10", "classes = 0")
    (tmp_path / "tiny.toml").write_text(recipe)
    return tmp_path / "tiny.toml"


def test_training_is_the_same_to_the_bit_with_and_without_the_cache(spikemix, pictures, recipe, tmp_path):
    def train(name, cache):
        result = run(spikemix, "train", recipe, "--data", pictures, "--out", tmp_path / name, f"data.cache={cache}")
        assert result.returncode == 0, result.stderr
        weights = (tmp_path / name / "state.safetensors").read_bytes()
        epochs = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        losses = [e["test_loss"] for e in epochs if e["type"] == "epoch"]
        return weights[8 + int.from_bytes(weights[:8], "little"):], losses

    decoded = train("off", "off")
    assert train("built", tmp_path / "cache") == decoded
    files = {file.name.split("-", 1)[1].split("-", 1)[1] for file in (tmp_path / "cache").glob("*.images")}
    assert files == {"train-16x16x3.images", "test-16x16x3.images"}
    assert train("found", tmp_path / "cache") == decoded

    # One byte of the cache is wrong: it is reported, and the bits are the same.
    (cache,) = (tmp_path / "cache").glob("*-train-*.images")
    wrong = bytearray(cache.read_bytes())
    wrong[1000] ^= 1
    cache.write_bytes(wrong)
    assert train("damaged", tmp_path / "cache") == decoded
    result = run(spikemix, "eval", tmp_path / "found", "--json")
    assert json.loads(result.stdout)["images"] == 20


def test_a_cache_that_cannot_be_written_is_reported_in_one_line(spikemix, pictures, recipe, tmp_path):
    result = run(spikemix, "train", recipe, "--data", pictures, "--out", tmp_path / "run", f"data.cache={recipe}/cache",
                 "train.epochs=1")
    assert result.returncode == 0, result.stderr
    said = [line for line in result.stderr.splitlines() if "decoded in every epoch" in line]
    assert len(said) == 2 and all("another folder? (data.cache, SPIKEMIX_CACHE)" in line for line in said)


def test_a_damaged_picture_is_one_line(spikemix, pictures, recipe, tmp_path):
    for split in ["train", "test"]:
        place = tmp_path / "set" / split / "cat"
        place.mkdir(parents=True)
        for k in range(20):
            (place / f"{k:02}.jpg").write_bytes((pictures / "train" / "above" / "000.jpg").read_bytes())
    (tmp_path / "set" / "train" / "cat" / "07.jpg").write_bytes(b"\xff\xd8\xff")
    result = run(spikemix, "train", recipe, "--data", tmp_path / "set", "--out", tmp_path / "run",
                 f"data.cache={tmp_path / 'cache'}")
    assert_refused(result, "train/cat/07.jpg: damaged JPEG")
    assert all(file.suffix == ".lock" for file in (tmp_path / "cache").iterdir()) and not (tmp_path / "run").exists()


def test_bench_data_times_the_input(spikemix, pictures, tmp_path):
    arguments = ["bench", "--data", pictures, "--json", f"data.cache={tmp_path / 'cache'}"]
    for state, threads in (("built", 1), ("found", 2)):
        result = run(spikemix, *arguments, "--threads", threads)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        answer = json.loads(result.stdout)
        assert answer["format"] == "imagefolder" and answer["samples"] == 160 and answer["shape"] == [32, 32, 3]
        assert answer["recipe"] == "cifar10"
        cache = answer["cache"]
        assert cache["state"] == state and (cache["build_seconds"] > 0) == (state == "built")
        assert cache["bytes"] == sum(file.stat().st_size for file in (tmp_path / "cache").glob("*.images"))
        assert [row["threads"] for row in answer["loader"]] == [1, 2][:threads]
        assert all(row["samples_per_second"] > 0 for row in answer["loader"])
        assert answer["microseconds"].keys() == {"decode", "read", "normalise", "augment"}
        assert answer["microseconds"]["read"] < answer["microseconds"]["decode"]


def test_bench_data_takes_a_recipe_and_data_that_need_no_cache(spikemix, recipe, tmp_path):
    write_idx(tmp_path / "idx", train=64, test=20)
    recipe.write_text(RECIPE)
    result = run(spikemix, "bench", recipe, "train.batch=8", "--data", tmp_path / "idx", "--threads", 1)
    assert result.returncode == 0, result.stderr
    assert "64 training images for a model of 16 x 16 x 1; augmentation of tiny" in result.stdout
    assert "no cache" in result.stdout and "1 loader thread feeds" in result.stdout

    assert_refused(run(spikemix, "bench", "cifar10-small", "trian.batch=8", "--data", tmp_path / "idx"), "train")
    assert_refused(run(spikemix, "bench", "--data", tmp_path / "nowhere"), "no such file or folder")
    assert_refused(run(spikemix, "bench", "builtin", "model.T=1", "--data", tmp_path / "idx"),
                   "settings go with a recipe, not a model")


def spoil(file):
    file.write_bytes(file.read_bytes()[:100])


def test_damaged_pictures_are_left_out_by_name_if_allowed(spikemix, pictures, recipe, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(pictures, data)
    spoil(data / "train/above/004.jpg")
    spoil(data / "train/below/007.jpg")
    spoil(data / "test/above/002.jpg")

    def train(name, *settings):
        return run(spikemix, "train", recipe, "--data", data, "--out", tmp_path / name, *settings)

    assert_refused(train("none"), "004.jpg: damaged JPEG")
    assert_refused(train("one", "data.skip_bad=1"), "more damaged files than data.skip_bad = 1")
    for name, cache in [("cached", ""), ("decoded", "off")]:
        result = train(name, "data.skip_bad=2", f"data.cache={cache}")
        assert result.returncode == 0, result.stderr
        assert "2 damaged of the training data, left out" in result.stderr
        assert "14 of 158 training images do not fill a batch of 16" in result.stderr
        damaged = json.loads((tmp_path / name / "config.json").read_text())["damaged"]
        assert [len(damaged[split]) for split in ("train", "test")] == [2, 1] and "007.jpg" in damaged["train"][1]
    weights = [(tmp_path / name / "last" / "model.safetensors").read_bytes() for name in ("cached", "decoded")]
    assert weights[0][-1000:] == weights[1][-1000:]

    assert run(spikemix, "eval", tmp_path / "cached").returncode == 0
    assert_refused(run(spikemix, "eval", tmp_path / "cached", "--data", data), "--skip-bad N")
    evaluated = run(spikemix, "eval", tmp_path / "cached", "--data", data, "--skip-bad", 1, "--json")
    assert json.loads(evaluated.stdout)["images"] == 19
    answers = run(spikemix, "predict", "--model", tmp_path / "cached", "--data", data, "--images", 19,
                  "--skip-bad", 1, "--json")
    assert len(json.loads(answers.stdout)) == 19
    splits = json.loads(run(spikemix, "data", "info", data, "--skip-bad", 2, "--json").stdout)["splits"]
    assert [len(split["damaged"]) for split in splits] == [2, 1]
    assert_refused(run(spikemix, "data", "info", data), "damaged JPEG")
