"""No command writes over what it reads, nor over a file of another kind; and what it cannot feed leaves no run."""
import hashlib
import json

import pytest

import tiny
from tiny import make_place, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("outputs"), train=80, test=40)


@pytest.fixture(scope="module")
def trained(spikemix, place):
    out = place / "run"
    result = run(*tiny.train(spikemix, place, out, "data.test_images=20", "train.epochs=2"))
    assert result.returncode == 0, result.stderr
    return out


def refuses(file, word, *command):
    before = hashlib.sha256(file.read_bytes()).digest()
    result = run(*command)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1 and word in result.stderr, result.stderr
    assert hashlib.sha256(file.read_bytes()).digest() == before


@pytest.mark.parametrize("file", ["best/model.safetensors", "config.json", "metrics.jsonl"])
def test_answers_replace_answers_only(spikemix, trained, file):
    refuses(trained / file, "holds no answers", spikemix, "eval", trained, "--answers", trained / file)


def test_answers_are_on_the_images_of_the_run(spikemix, trained):
    answers = trained / "best" / "test_answers.safetensors"
    result = run(spikemix, "eval", trained, "--answers", answers, "--json")
    assert result.returncode == 0 and json.loads(result.stdout)["images"] == 20, result.stderr


def test_an_export_leaves_the_trained_weights(spikemix, trained):
    model = trained / "best" / "model.safetensors"
    for source in [trained, model]:
        refuses(model, "trained weights", spikemix, "export", source, "-o", model)


@pytest.mark.parametrize("file", ["best/model.safetensors", "config.json"])
def test_a_report_replaces_reports_only(spikemix, trained, file):
    refuses(trained / file, "holds no page", spikemix, "report", trained, "-o", trained / file)


def test_a_file_of_answers_is_no_model(spikemix, trained):
    answers = trained / "best" / "test_answers.safetensors"
    refuses(answers, "not a model file", spikemix, "info", answers)


@pytest.mark.parametrize("channels", [2, 4, 64])
def test_pictures_have_one_channel_or_three(spikemix, place, channels):
    out = place / f"channels-{channels}"
    result = run(*tiny.train(spikemix, place, out, f"model.channels={channels}"))
    assert result.returncode == 2 and f"model.channels = {channels}" in result.stderr, result.stderr
    assert not out.exists()


def test_pictures_for_a_model_of_recordings_leave_no_run(spikemix, place):
    out = place / "events"
    result = run(*tiny.train(spikemix, place, out, "model.input=events", "model.channels=2"))
    assert result.returncode == 2 and "model.input" in result.stderr, result.stderr
    assert not out.exists()
