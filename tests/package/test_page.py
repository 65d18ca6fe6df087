# SPDX-License-Identifier: MIT
"""The examples of docs/python.md run, section by section, exactly as printed."""
import re
import textwrap

import pytest

from spikemix import events

from made import files_of_classes, some_events, some_pixels, write_ppm
from places import CORPUS, SOURCE

PAGE = SOURCE / "docs" / "python.md"


def blocks(section):
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)[1]
    found = re.findall(r"^ *```python\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"docs/python.md has no example under {section}"
    return [textwrap.dedent(block) for block in found]


def run_section(section):
    names = {}
    for block in blocks(section):
        exec(compile(block, f"docs/python.md, {section}", "exec"), names)
    return names


def recording(seed):
    return some_events(20_000, (128, 128), seed, stop=1_500_000)


@pytest.fixture
def place(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)
    events.write("gesture.aedat4", recording(0))
    for path, seed in files_of_classes(tmp_path / "DvsGesture", train=4, test=4):
        events.write(path.with_suffix(".aedat"), recording(seed))
    for path, seed in files_of_classes(tmp_path / "pictures", train=4, test=4):
        write_ppm(path.with_suffix(".ppm"), some_pixels(40, 40, 3, seed=seed))
    write_ppm(tmp_path / "cat.png", some_pixels(40, 40, 3))
    return tmp_path


def test_models(place):
    tiny = (CORPUS / "model" / "fp32.safetensors").read_bytes()
    (place / "runs" / "pictures" / "best").mkdir(parents=True)
    for path in (place / "model.safetensors", place / "runs" / "pictures" / "best" / "model.safetensors"):
        path.write_bytes(tiny)
    names = run_section("Models")
    assert names["logits"].shape == (16, 10) and names["potentials"].shape == (64, 224)
    assert names["some"]["block.0.mlp.fc1_lif"].shape == (1, 16, 64, 224) and "block.0.mlp.fc1" in names["changes"]


def test_event_recordings(place):
    names = run_section("Event recordings")
    assert names["frames"].shape == (16, 2, 64, 64) and len(names["steps"]) == 75 and len(names["simulated"]) > 100
    assert len(events.read("gesture.npz")) == 20_000 and (place / "gesture.apng").exists()


def test_data_sets(place):
    pytest.importorskip("torch")
    names = run_section("Data sets")
    assert names["frames"].shape == (16, 2, 128, 128) and names["cut"][0][0].shape == (16, 2, 128, 128)
    assert len(names["learned"]) == len(names["held_out"]) == 4 and names["image"].shape == (32, 32, 3)


def test_in_pytorch(place):
    pytest.importorskip("torch")
    names = run_section("In PyTorch")
    assert names["spikes"].shape == (4, 2, 384, 64) and names["tokens"].shape == (4, 2, 64, 384)
    assert names["scores"].shape == (8, 10) and type(names["again"]).__name__ == "Spikformer"


def test_training(place, monkeypatch, capsys):
    from test_train import program_in
    monkeypatch.setenv("SPIKEMIX_TRAIN", str(program_in(place)))
    run = run_section("Training")["run"]
    assert run.summary is not None and not run.stopped and "'train_loss': 2.0" in capsys.readouterr().out


def test_plots(place):
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot
    run_section("Plots")
    matplotlib.pyplot.close("all")
    assert (place / "spectra.png").exists()
