# SPDX-License-Identifier: MIT
"""models/README.md, the card of the model in the program, says what the model says of itself and what it does."""
import json
import re
import subprocess

import pytest

from places import SOURCE, real_data_at

CARD = (SOURCE / "models" / "README.md").read_text()
ACCURACY = float(re.search(r"^    - type: accuracy\n.*\n      value: ([\d.]+)$", CARD, re.MULTILINE)[1])


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def test_the_card_shows_what_info_prints(spikemix):
    assert f"```\n{run(spikemix, 'info', 'builtin')}```\n" in CARD


def test_names_and_commands_are_the_models(spikemix):
    info = json.loads(run(spikemix, "info", "builtin", "--json"))
    name = info["name"]
    assert f"\n- name: {name}\n" in CARD and f"\n# {name}: " in CARD
    assert (SOURCE / "models" / f"{name}.safetensors").exists()
    assert f"\nspikemix train {name} --data " in CARD and f"seed {info['training']['seed']}," in CARD.replace("\n", " ")
    recipe = (SOURCE / f"recipes/{name}.toml").read_text()
    epochs = int(re.search(r"^epochs = (\d+)$", recipe, re.MULTILINE)[1])
    assert f"{epochs} epochs" in CARD and info["training"]["epoch"] == epochs - 1
    assert info["training"]["validation_top1"] != ACCURACY, "the file's own accuracy, not the one in training"


def test_its_accuracy_stands_once_in_each_place():
    assert CARD.count(f"{ACCURACY:.2f}") == 2 and f"\n{ACCURACY:.2f} % of the 10,000 test images" in CARD
    row, = re.findall(r"^\| the recipe \|.* MB.*$", (SOURCE / "docs/results.md").read_text(), re.MULTILINE)
    assert f"{ACCURACY:.2f} %" in row


def test_its_accuracy_on_the_test_images(spikemix):
    data = real_data_at("the accuracy on CIFAR-10", "cifar10-jpeg")
    answer = json.loads(run(spikemix, "eval", "builtin", "--data", data, "--json"))
    assert answer["images"] == 10000 and answer["top1"] == pytest.approx(ACCURACY, abs=0.005)
