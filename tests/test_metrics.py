# SPDX-License-Identifier: MIT
"""Whatever reads a damaged metrics.jsonl reports it: nothing is left out silently."""
import json
import shutil

import pytest

import tiny
from tiny import make_place, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("metrics"), train=160, test=40)


@pytest.fixture(scope="module")
def trained(spikemix, place):
    """Four epochs of ten steps: 20 lines of steps, 10 before the line of each of the first two epochs."""
    tiny.trained(spikemix, place, place / "run", "train.epochs=4")
    return place / "run"


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def lines_of(folder):
    return (folder / "metrics.jsonl").read_text().splitlines(keepends=True)


def damaged(folder, number, change):
    """Changes line `number`, counted from 1."""
    lines = lines_of(folder)
    lines[number - 1] = change(lines[number - 1])
    (folder / "metrics.jsonl").write_text("".join(lines))


def with_value(key, value):
    def change(line):
        document = json.loads(line)
        if value is None:
            del document[key]
        else:
            document[key] = value
        return json.dumps(document) + "\n"
    return change


UNREADABLE = {"cut": lambda line: line[:len(line) // 2] + "\n", "no JSON": lambda line: "epoch 3: 12 %\n",
              "empty": lambda line: "\n", "zeros": lambda line: "\0" * (len(line) - 1) + "\n",
              "no object": lambda line: "[1, 2]\n", "no type": with_value("type", None),
              "another type": with_value("type", 3)}
EPOCH_FIELDS = {f"{key} {value}": with_value(key, value) for key in ["epoch", "train_loss", "lr", "images_per_second",
                                                                   "test_loss", "test_top1"]
                for value in [None, "low", float("nan"), float("inf"), [1]]}
STEP_FIELDS = {f"{key} {value}": with_value(key, value) for key in ["epoch", "step", "loss", "inputs"]
               for value in [None, float("nan"), [1], {}]}


def refused(result, number):
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
    assert f"metrics.jsonl, line {number}:" in result.stderr, result.stderr


def report(spikemix, folder, *more):
    return run(spikemix, "report", folder, *more, "-o", folder / "page.html", "--models", 0)


EPOCH_LINE, STEP_LINE = 22, 13  # the second epoch's, and one of its steps


def test_the_lines_are_those(trained):
    lines = [json.loads(line) for line in lines_of(trained)]
    assert lines[EPOCH_LINE - 1]["type"] == "epoch" and lines[EPOCH_LINE - 1]["epoch"] == 1
    assert (lines[STEP_LINE - 1]["epoch"], lines[STEP_LINE - 1]["step"]) == (1, 2)


@pytest.mark.parametrize("name", [*UNREADABLE, *EPOCH_FIELDS])
def test_report_names_a_damaged_epoch(spikemix, copy, name):
    damaged(copy, EPOCH_LINE, {**UNREADABLE, **EPOCH_FIELDS}[name])
    refused(report(spikemix, copy), EPOCH_LINE)


def test_report_of_several_leaves_it_out_by_name(spikemix, trained, copy):
    damaged(copy, EPOCH_LINE, UNREADABLE["cut"])
    result = report(spikemix, trained, copy)
    assert result.returncode == 0 and f"left out: {copy}/metrics.jsonl, line {EPOCH_LINE}" in result.stderr
    assert f"metrics.jsonl, line {EPOCH_LINE}" in (trained / "page.html").read_text()


@pytest.mark.parametrize("gone, said", [([22], "has no line of epoch 2"), ([11], "has no line of epoch 1"),
                                        ([11, 22], "has no lines of the epochs 1 to 2"),
                                        ([24], "has no line of epoch 4"),
                                        ([23, 24], "has no lines of the epochs 3 to 4"),
                                        (range(1, 25), "has no lines of the epochs 1 to 4")], ids=str)
def test_report_names_epochs_that_are_gone(spikemix, copy, gone, said):
    lines = lines_of(copy)
    (copy / "metrics.jsonl").write_text("".join(line for i, line in enumerate(lines, 1) if i not in gone))
    result = report(spikemix, copy)
    assert result.returncode == 0 and said in result.stderr and said in (copy / "page.html").read_text(), result.stderr


def test_report_names_a_repeated_epoch(spikemix, copy):
    damaged(copy, EPOCH_LINE, lambda line: line + line)
    refused(report(spikemix, copy), EPOCH_LINE + 1)


def test_report_says_that_the_last_line_is_cut(spikemix, copy):
    damaged(copy, 24, lambda line: line[:-20])
    result = report(spikemix, copy)
    assert result.returncode == 0 and "its last line is cut" in result.stderr
    assert "has no line of epoch 4" in result.stderr


@pytest.mark.parametrize("name", [*UNREADABLE, *STEP_FIELDS])
def test_verify_names_a_damaged_step(spikemix, copy, name):
    damaged(copy, STEP_LINE, {**UNREADABLE, **STEP_FIELDS}[name])
    # Without the number of the step, the next line is the one that does not follow.
    result = run(spikemix, "verify", copy)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1 and "metrics.jsonl, line 1" in result.stderr


@pytest.mark.parametrize("gone", [1, 2, STEP_LINE])
def test_verify_names_steps_that_are_gone(spikemix, copy, gone):
    damaged(copy, gone, lambda line: "")
    result = run(spikemix, "verify", copy)
    refused(result, gone)
    assert "does not follow" in result.stderr


@pytest.mark.parametrize("name", UNREADABLE)
def test_resume_reports_it_and_continues(spikemix, place, copy, name):
    damaged(copy, EPOCH_LINE, UNREADABLE[name])
    result = run(spikemix, "resume", copy, "train.epochs=5")
    assert result.returncode == 0, result.stderr
    assert f"metrics.jsonl, line {EPOCH_LINE}:" in result.stderr and "The run goes on" in result.stderr
    assert json.loads(lines_of(copy)[-1])["epoch"] == 4


def test_resume_of_a_longer_log_begins_a_new_line(spikemix, copy):
    damaged(copy, 3, lambda line: line + line[:-1] + " " * 7 + "\n")
    result = run(spikemix, "resume", copy, "train.epochs=5")
    assert result.returncode == 0, result.stderr
    assert json.loads(lines_of(copy)[-1])["epoch"] == 4 and all(map(json.loads, lines_of(copy)))


def test_resume_says_that_lines_are_missing(spikemix, copy):
    (copy / "metrics.jsonl").write_text("".join(lines_of(copy)[:5]))
    result = run(spikemix, "resume", copy, "train.epochs=5")
    assert result.returncode == 0 and "lines of earlier epochs are missing" in result.stderr, result.stderr


def test_compare_needs_no_metrics(spikemix, copy):
    damaged(copy, EPOCH_LINE, UNREADABLE["cut"])
    assert run(spikemix, "compare", copy).returncode == 0
