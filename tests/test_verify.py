# SPDX-License-Identifier: MIT
"""`spikemix verify` repeats a run's first steps to the bit, or says what differs."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

import tiny
from places import data_at
from tiny import make_place, metrics, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("verify"), train=160, test=20)


def train(spikemix, place, out, *overrides):
    tiny.trained(spikemix, place, out, *overrides)
    return out


@pytest.fixture(scope="module")
def trained(spikemix, place):
    """30 steps in three epochs."""
    return train(spikemix, place, place / "trained")


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def verify(spikemix, folder, *flags):
    result = run(spikemix, "verify", folder, "--json", *flags)
    assert result.returncode in (0, 1), result.stderr
    document = json.loads(result.stdout)
    assert document["match"] == (result.returncode == 0)
    return document


def refused(spikemix, folder, *flags):
    result = run(spikemix, "verify", folder, *flags)
    assert result.returncode == 2 and not result.stdout, (result.stdout, result.stderr)
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


def names(document):
    return [condition["name"] for condition in document["conditions"]]


def files_of(folder):
    return {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in folder.rglob("*")}


def change_record(folder, change):
    record = json.loads((folder / "config.json").read_text())
    change(record)
    (folder / "config.json").write_text(json.dumps(record))


def change_metrics(folder, change):
    lines = [changed for line in metrics(folder) if (changed := change(line)) is not None]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def recorded(folder):
    return [line for line in metrics(folder) if "inputs" in line]


def test_the_first_20_steps_are_recorded(trained):
    places = [(line["epoch"], line["step"]) for line in recorded(trained)]
    assert places == [(epoch, step) for epoch in range(2) for step in range(1, 11)]
    # Their mean is the epoch's to the last digit, because they are all of its steps.
    epochs = [line for line in metrics(trained) if line["type"] == "epoch"]
    total = 0.0
    for line in recorded(trained)[:10]:
        total += line["loss"]
    assert total / 10 == epochs[0]["train_loss"]


def test_a_run_repeats(spikemix, trained):
    before = files_of(trained)
    document = verify(spikemix, trained)
    assert document["match"] and document["steps"] == document["recorded_steps"] == 20
    assert document["first_difference"] is None and document["conditions"] == []
    assert all(step["here"] == step["recorded"] for step in document["losses"])
    told = run(spikemix, "verify", trained, "--steps", "1")
    assert told.returncode == 0 and told.stdout == f"{trained}: the losses of the first step repeat to the bit\n"
    assert files_of(trained) == before


@pytest.mark.parametrize("settings", [
    ["data.validation=0.2"],
    ["train.accumulate=2", "train.clip_norm=1", "train.one_step_epochs=1"],
    ["train.precision=bf16", "train.recompute=true", "model.mixer=ssa"],
    ["train.optimizer=muon", "train.ema=0", "neuron.kind=plif", "augment.cutmix=1"],
    ["train.freeze=stem", "train.sparse_below=0.3", "train.cooldown_epochs=1"],
    ["train.whiten=true", "train.identity_start=true", "train.spike_cost=1", "train.spike_target=0.1",
     "augment.alternate_flip=true"],
], ids=lambda settings: settings[0])
def test_repeats_whatever_it_was_trained_with(spikemix, place, tmp_path, settings):
    out = train(spikemix, place, tmp_path / "run", "train.epochs=2", *settings)
    document = verify(spikemix, out)
    assert document["match"] and document["steps"] >= 16 and document["conditions"] == []


def test_recordings(spikemix, tmp_path):
    archive, out = data_at("events", "nmnist-1k.tar.xz"), tmp_path / "run"
    result = run(spikemix, "train", "nmnist-small", "--data", archive, "--out", out, "data.train_images=80",
                 "data.test_images=20", "train.batch=16", "train.epochs=1", "train.warmup_epochs=0",
                 "train.cooldown_epochs=0", "train.threads=1")
    assert result.returncode == 0, result.stderr
    assert verify(spikemix, out, "--steps", 3)["match"]
    top1 = json.loads((out / "summary.json").read_text())["best_validation_top1"]
    told = json.loads(run(spikemix, "eval", out, "--split", "validation", "--engine", "torch", "--json").stdout)
    assert told["split"] == "validation" and told["top1"] == pytest.approx(top1)


def test_other_threads_are_named_first(spikemix, trained):
    document = verify(spikemix, trained, "--threads", "2")
    assert names(document) == ["threads"] and document["conditions"][0] == {"name": "threads", "recorded": 1, "here": 2}
    text = run(spikemix, "verify", trained, "--threads", "2").stdout
    assert "threads " in text and "1 in the run, 2 here" in text


def test_another_precision_is_named(spikemix, copy):
    change_record(copy, lambda record: record["config"]["train"].update(precision="bf16"))
    document = verify(spikemix, copy)
    assert not document["match"] and names(document) == ["precision"]
    assert document["conditions"][0]["recorded"] == "fp32" and document["conditions"][0]["here"].startswith("bf16")
    assert document["first_difference"]["step"] <= 2


@pytest.mark.parametrize("step", [(0, 1), (0, 7), (1, 3)])
def test_a_changed_loss_is_found(spikemix, copy, step):
    def change(line):
        if line["type"] == "step" and (line["epoch"], line["step"]) == step:
            line["loss"] *= 1 + 1e-15
        return line
    change_metrics(copy, change)
    document = verify(spikemix, copy)
    found = document["first_difference"]
    assert (found["epoch"], found["step"]) == step and 0 < abs(found["recorded"] / found["here"] - 1) < 1e-14
    assert document["conditions"] == [] and document["steps"] == step[0] * 10 + step[1]
    result = run(spikemix, "verify", copy)
    assert result.returncode == 1 and "no recorded condition differs" in result.stdout
    assert ("epoch 2, step 3" if step[0] else f"step {step[1]} is the first that differs, of 20") in result.stdout
    # Everything before it is right.
    if step != (0, 1):
        assert verify(spikemix, copy, "--steps", step[0] * 10 + step[1] - 1)["match"]


def test_conditions_of_another_machine_are_named_by_likelihood(spikemix, copy):
    def elsewhere(record):
        record["effective"]["threads"] = 1
        record["environment"].update(git_commit="abc", torch="1.0.0", cpu_capability="DEFAULT", processor="Z80",
                                     kernel_target="EMU128", processor_features=["sse4_2", "made_up"])
    change_record(copy, elsewhere)
    document = verify(spikemix, copy)
    assert document["match"]  # and it still reports what differs
    assert names(document) == ["LibTorch's instructions", "the kernels' instructions", "processor's features",
                               "LibTorch", "commit", "processor"]
    text = run(spikemix, "verify", copy).stdout
    assert "repeat to the bit\nthough" in text and "also made_up in the run" in text and "Z80 in the run" in text
    # If losses differ by more than rounding, conditions that only affect rounding come last.
    change_metrics(copy, lambda line: {**line, "loss": line["loss"] * 1.1} if line["type"] == "step" else line)
    assert names(verify(spikemix, copy))[0] == "commit"


def test_other_instructions_of_libtorch(spikemix, trained):
    if json.loads((trained / "config.json").read_text())["environment"]["cpu_capability"] == "DEFAULT":
        pytest.skip("a processor without vectors")
    result = run(spikemix, "verify", trained, "--json", env={**os.environ, "ATEN_CPU_CAPABILITY": "default"})
    assert result.returncode in (0, 1) and names(json.loads(result.stdout)) == ["LibTorch's instructions"]


def test_data_that_moved(spikemix, place, copy, tmp_path):
    change_record(copy, lambda record: record["config"]["data"].update(dir=str(tmp_path / "gone")))
    assert "gone" in refused(spikemix, copy)
    moved = shutil.copytree(place / "data", tmp_path / "elsewhere")
    assert verify(spikemix, copy, "--data", moved)["match"]


def test_other_data_are_named(spikemix, place, copy, tmp_path):
    other = shutil.copytree(place / "data", tmp_path / "other")
    labels = bytearray((other / "train-labels-idx1-ubyte").read_bytes())
    labels[8:] = reversed(labels[8:])
    (other / "train-labels-idx1-ubyte").write_bytes(labels)
    document = verify(spikemix, copy, "--data", other)
    assert not document["match"] and names(document) == ["data: hash of the training labels"]
    assert document["first_other_inputs"] == {"epoch": 0, "step": 1}
    assert "was given other pictures" in run(spikemix, "verify", copy, "--data", other).stdout
    small = tmp_path / "small"
    tiny.write_idx(small, train=40, test=20)
    assert names(verify(spikemix, copy, "--data", small))[0].startswith("data: ")


def test_initial_weights(spikemix, place, trained, tmp_path):
    first = tmp_path / "first.safetensors"
    shutil.copy(trained / "best" / "model.safetensors", first)
    out = train(spikemix, place, tmp_path / "run", f"train.init={first}", "train.epochs=1")
    assert verify(spikemix, out)["match"]
    shutil.copy(trained / "last" / "model.safetensors", first)
    if (trained / "last" / "model.safetensors").read_bytes() == (trained / "best" / "model.safetensors").read_bytes():
        shutil.copy(train(spikemix, place, tmp_path / "another", "--seed", "5") / "best" / "model.safetensors", first)
    document = verify(spikemix, out)
    assert not document["match"] and names(document) == ["train.init's checksum"]
    first.unlink()
    checksum = json.loads((out / "config.json").read_text())["init"]["checksum"]
    error = refused(spikemix, out)
    assert "train.init" in error and "gone" in error and checksum in error


def test_a_run_of_an_earlier_version(spikemix, copy):
    change_metrics(copy, lambda line: None if "inputs" in line else line)
    assert "recorded no losses of its first steps" in refused(spikemix, copy)
    (copy / "metrics.jsonl").unlink()
    assert "recorded no losses of its first steps" in refused(spikemix, copy)


def broken(key, value):
    def change(line):
        if line["type"] == "step" and line["step"] == 3:
            line[key] = value
        return line
    return lambda folder: change_metrics(folder, change)


@pytest.mark.parametrize("damage, parts", [
    (lambda folder: (folder / "config.json").unlink(), ["not a run folder"]),
    (lambda folder: (folder / "config.json").write_text("{"), ["config.json"]),
    (lambda folder: (folder / "config.json").write_text("[]"), ["config.json"]),
    (lambda folder: change_record(folder, lambda r: r.update(effective=3)), ["config.json", "effective"]),
    (lambda folder: change_record(folder, lambda r: r["effective"].update(threads="many")),
     ["config.json", "effective"]),
    (lambda folder: change_record(folder, lambda r: r.update(earlier=[1])), ["config.json", "earlier"]),
    (lambda folder: change_record(folder, lambda r: r["config"]["train"].update(batch=-1)),
     ["config.json", "train.batch"]),
    (lambda folder: (folder / "metrics.jsonl").write_text("{}\n}\n{}\n"), ["metrics.jsonl", "line 2"]),
    (broken("loss", "low"), ["metrics.jsonl", "line 3", "loss"]),
    (broken("loss", None), ["metrics.jsonl", "line 3", "loss"]),
    (broken("epoch", 0.5), ["metrics.jsonl", "epoch"]),
    (lambda folder: change_record(folder, lambda r: r["config"]["train"].update(device="cuda:77")),
     ["train.device = cuda:77", "repeat only on such a GPU", "nothing can be checked here"]),
], ids=range(12))
def test_damaged_folders(spikemix, copy, damage, parts):
    damage(copy)
    error = refused(spikemix, copy)
    assert all(part in error for part in parts), error


@pytest.mark.parametrize("flags, part", [
    (["--steps", "0"], "--steps"), (["--steps", "21"], "--steps"), (["--threads", "-1"], "--threads"),
    (["--threads", "100000"], "train.threads"), (["--data", "/no/such"], "/no/such"),
])
def test_invalid_flags_are_refused(spikemix, trained, flags, part):
    assert part in refused(spikemix, trained, *flags)


def killed_early(spikemix, place, out, step, *overrides):
    """A training that was killed once `step` steps were recorded."""
    process = subprocess.Popen(tiny.train(spikemix, place, out, *overrides), stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    log = out / "metrics.jsonl"
    while process.poll() is None and time.monotonic() < end:
        if log.exists() and log.read_text().count("inputs") >= step:
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return out


def test_killed_and_resumed(spikemix, place, tmp_path):
    out = killed_early(spikemix, place, tmp_path / "run", 2, "train.checkpoint_seconds=0")
    assert verify(spikemix, out)["match"]  # also for a run that is not done
    result = run(spikemix, "resume", out)
    assert result.returncode == 0, result.stderr
    document = verify(spikemix, out)
    assert document["match"] and document["steps"] == 20


def test_resumed_under_other_conditions(spikemix, place, tmp_path):
    out = killed_early(spikemix, place, tmp_path / "run", 3, "train.checkpoint_seconds=0", "train.epochs=2",
                       "train.threads=2")
    result = run(spikemix, "resume", out, "--threads", "1", "train.epochs=3")
    assert result.returncode == 0, result.stderr
    earlier = json.loads((out / "config.json").read_text())["earlier"][0]
    done = earlier["until_epoch"] * 10 + earlier["until_step"]
    result = run(spikemix, "verify", out, "--json")
    assert result.returncode == 0, result.stdout  # as it began: two threads, the cosine of two epochs
    document = json.loads(result.stdout)
    if done < 20:  # otherwise the kill came late
        assert document["steps"] == done and f"{20 - done} more of the steps" in result.stderr


def test_more_epochs_change_no_earlier_step(spikemix, place, tmp_path):
    out = train(spikemix, place, tmp_path / "run", "train.epochs=2")
    assert run(spikemix, "resume", out, "train.epochs=4").returncode == 0
    document = verify(spikemix, out)
    assert document["match"] and document["steps"] == 20


def test_several_ranks(spikemix, place, tmp_path):
    torchrun = pathlib.Path(sys.executable).parent / "torchrun"
    if not torchrun.exists():
        pytest.skip("no torchrun")
    start = [torchrun, "--no-python", "--standalone", "--nproc-per-node", "2"]
    out = tmp_path / "run"
    result = run(*start, *tiny.train(spikemix, place, out, "train.epochs=2", "train.threads=1"))
    assert result.returncode == 0, result.stderr
    result = run(*start, spikemix, "verify", out, "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["match"] and document["steps"] == 20 and document["conditions"] == []
    alone = verify(spikemix, out)
    assert names(alone)[0] == "ranks" and "first_other_inputs" not in alone
