# SPDX-License-Identifier: MIT
"""The small files that script/fuzz starts from are valid files of every kind: the program reads each. They need no data
folder."""
import json

import pytest

from places import CORPUS
from tiny import run


def answer(spikemix, *command):
    done = run(spikemix, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("file", sorted((CORPUS / "recording").iterdir()), ids=lambda file: file.name)
def test_recordings_hold_the_same_events(spikemix, file):
    info = json.loads(answer(spikemix, "events", "info", file, "--json"))
    assert (info["events"], info["on"], info["off"]) == (60, 33, 27)


@pytest.mark.parametrize("file", sorted((CORPUS / "picture").iterdir()), ids=lambda file: file.name)
def test_pictures_are_classified(spikemix, file):
    assert len(answer(spikemix, "predict", file).splitlines()) >= 5


@pytest.mark.parametrize("file", sorted((CORPUS / "model").iterdir()), ids=lambda file: file.name)
def test_models_load(spikemix, file):
    assert "embedding dim 8" in answer(spikemix, "info", file)


def test_the_recipe_is_a_network(spikemix):
    assert "membrane stream" in answer(spikemix, "info", CORPUS / "recipe" / "small.toml")
