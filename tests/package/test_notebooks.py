# SPDX-License-Identifier: MIT
"""The notebooks run, each in a folder of its own, and come to what they say. Here are those that need no torch; the one
that does is in test_notebooks_torch.py."""
import json
import os
import pathlib

import pytest

import notebooks
from notebooks import execute
from places import BUILD, data_at

BOOKS = sorted(path.stem for path in notebooks.FOLDER.glob("*.ipynb"))
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


def test_a_model_without_torch(tmp_path):
    _, (first, on_noise, last_step_is_all, rates, same, torch) = execute("model", tmp_path, ask=(
        "{name: answer[0][0] for name, answer in zip(pictures, answers)}", "on_noise",
        "np.array_equal(steps[:, -1], logits)",
        "{name: float(rate.mean()) for name, rate in spikes.rates().items()}", "same", "'torch' in sys.modules"))
    assert sum(name == answer for name, answer in first.items()) >= 5 and len(first) == 6
    assert last_step_is_all and same and not torch and len(on_noise) == 3
    assert len(rates) == 10 and all(0 < rate < 4 for rate in rates.values())


ABOUT_EVENTS = ("facts", "len(recording)", "by_count.sum(axis=(1, 2, 3)).tolist()",
                "by_time.sum(axis=(1, 2, 3)).tolist()", "len(part)", "chunks", "len(steps)",
                "[len(quiet), len(simulated), len(noisy)]", "duration")


def test_simulated_events(tmp_path):
    _, answers = execute("events", tmp_path, ask=ABOUT_EVENTS)
    facts, n, by_count, by_time, part, chunks, steps, noise, duration = answers
    assert facts["format"] == "AEDAT 4" and (facts["width"], facts["height"]) == (64, 64) and facts["monotonic"]
    assert facts["events"] == n == facts["on"] + facts["off"] == sum(by_count) == sum(by_time) == sum(chunks) > 3000
    assert max(by_count) - min(by_count) < 8 and max(by_time) > 1.2 * min(by_time)
    assert 0 < part < n and steps == 10 and noise[0] < noise[1] < noise[2] and 80_000 < duration < 100_001


def test_events_of_a_recording(tmp_path):
    recording = data_at("events", "single", "gesture-6.aedat")
    _, answers = execute("events", tmp_path, {"path": str(recording)}, ask=ABOUT_EVENTS)
    facts, n, by_count, by_time, part, chunks, *_ = answers
    truth = json.loads(recording.with_name(recording.name + ".json").read_text())
    assert n == facts["events"] == sum(by_count) == sum(by_time) == sum(chunks) and 0 < part < n
    assert n in truth.values()


def test_operations_and_energy(tmp_path):
    _, (dense, by_hand, by_program, total, done, saves) = execute("count", tmp_path, ask=(
        "{mixer: values['dense'] for mixer, values in dense.items()}", "by_hand", "by_program", "total", "sum(done)",
        "saves"))
    assert by_hand == pytest.approx(by_program, rel=1e-12) and by_hand > 0
    assert dense["ssa"] > 1.1 * dense["fft2d"] and dense["fft2d"] == dense["wt2d"] == dense["identity"]
    assert 0.05 < done / total["dense"] < 0.5 and total["additions"] < done
    assert saves["horowitz-45nm-fp32"] > 3 and saves["horowitz-45nm-int8-dram"] < 1, "as the text says"


def test_train_and_compare(tmp_path, monkeypatch):
    program = os.environ.get("SPIKEMIX_TRAIN", BUILD / "spikemix-torch")
    if not os.path.exists(program):
        pytest.skip(f"no training program: {program}")
    if not FASHION.is_dir():
        pytest.skip(f"no data: {FASHION} (Debian's dataset-fashion-mnist)")
    monkeypatch.setenv("SPIKEMIX_TRAIN", str(program))
    _, (accuracies, groups, top1, conclusion, losses) = execute("compare", tmp_path, ask=(
        "[run.summary['best_top1'] for run in runs.values()]", "answer['groups']", "top1", "answer['conclusion']",
        "[[run.steps['loss'][0], run.steps['loss'][-1]] for run in runs.values()]"))
    assert len(accuracies) == 4 and all(50 < accuracy < 90 for accuracy in accuracies)
    assert all(last < first for first, last in losses)
    assert [group["best_top1"]["values"] for group in groups] == [accuracies[:2], accuracies[2:]]
    means = [sum(accuracies[:2]) / 2, sum(accuracies[2:]) / 2]
    assert top1["pairs"] == 2 and top1["difference"] == pytest.approx(means[1] - means[0]) and conclusion


@pytest.mark.parametrize("name", BOOKS)
def test_what_is_stored(name):
    """With its outputs, small, without what changes from run to run; no line is too long for the page."""
    file = notebooks.FOLDER / f"{name}.ipynb"
    book = json.loads(file.read_text())
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert file.stat().st_size < 200_000
    assert any("image/png" in output.get("data", {}) for output in outputs), "tests/package/notebooks.py stores them"
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert all(cell["execution_count"] is None for cell in code)
    assert book["metadata"].keys() == {"kernelspec", "language_info"}
    assert not [line for cell in book["cells"] for line in cell["source"] if len(line.rstrip("\n")) > 120]
    assert str(pathlib.Path.home()) + "/" not in file.read_text() and "/tmp/" not in file.read_text()
