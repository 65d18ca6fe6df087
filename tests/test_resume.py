# SPDX-License-Identifier: MIT
"""A run killed at any moment resumes to the same bits; a run that fails leaves its checkpoints intact."""
import json
import random
import resource
import shutil
import signal
import subprocess
import time

import pytest
import safetensors
import safetensors.numpy
from PIL import Image

import tiny
from tiny import learned, make_place, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("resume"), train=512, test=20)


def train(spikemix, place, out, *overrides):
    return tiny.train(spikemix, place, out, "train.checkpoint_seconds=0", *overrides)


@pytest.fixture(scope="module")
def uninterrupted(spikemix, place):
    result = run(*train(spikemix, place, place / "whole"))
    assert result.returncode == 0, result.stderr
    return place / "whole"


def assert_same(run_a, run_b):
    for model in ["last/model.safetensors", "best/model.safetensors"]:
        assert (run_a / model).read_bytes() == (run_b / model).read_bytes(), model
    assert learned(run_a) == learned(run_b)


def test_same_seed_same_bits(spikemix, place, uninterrupted):
    # also with one loader thread or two, and with or without checkpoints
    result = run(*train(spikemix, place, place / "again", "train.loader_threads=1", "train.checkpoint_seconds=1000"))
    assert result.returncode == 0, result.stderr
    assert_same(place / "again", uninterrupted)
    result = run(*train(spikemix, place, place / "other-seed", "train.seed=1"))
    assert result.returncode == 0, result.stderr
    assert learned(place / "other-seed") != learned(uninterrupted)


def wait_for_checkpoints(process, state, count):
    """Waits until `state` has been replaced `count` times, or the process ended: kills then hit every phase of a run,
    on a machine of any speed."""
    def written():
        return state.stat().st_mtime_ns if state.exists() else None

    last = written()
    while count and process.poll() is None:
        now = written()
        if now != last:
            last, count = now, count - 1
        time.sleep(0.001)


def train_and_kill(spikemix, place, out, kill, *overrides):
    """Trains to the end while being killed up to eight times."""
    random.seed(kill)
    command, kills = train(spikemix, place, out, *overrides), 0
    while not (out / "summary.json").exists():
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        killed = kills < 8
        if killed:
            # The first kill comes before anything was recorded, the second at the first checkpoint.
            wait_for_checkpoints(process, out / "state.safetensors", min(kills, random.randrange(1, 10)))
            time.sleep(random.uniform(0, 0.05))
            process.send_signal(kill)
            kills += 1
        _, errors = process.communicate(timeout=100)
        if "spikemix resume" in errors:
            assert process.returncode == 130
        elif not killed:
            assert process.returncode == 0, errors
        # Killed before the run was recorded: there is nothing to resume yet.
        begun = (out / "config.json").exists()
        command = [spikemix, "resume", out] if begun else train(spikemix, place, out, *overrides)
    assert kills >= 2, "the run ended before it could be killed"


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_resumed_until_done(spikemix, place, uninterrupted, kill):
    out = place / f"killed-{kill.name}"
    train_and_kill(spikemix, place, out, kill)
    assert_same(out, uninterrupted)
    assert not list(out.rglob("*.partial*")) or kill == signal.SIGKILL


@pytest.mark.parametrize("mixer", ["wt2d", "ssa"])
def test_killed_with_everything_on_that_makes_training_fast_or_small(spikemix, place, mixer):
    settings = [f"model.mixer={mixer}", "train.precision=bf16", "train.recompute=true", "train.accumulate=2",
                "train.one_step_epochs=1", "neuron.kind=plif", "neuron.surrogate=triangle", "train.clip_norm=1",
                "train.optimizer=muon", "augment.cutmix=1"]
    whole, out = place / f"whole-{mixer}", place / f"killed-{mixer}"
    result = run(*train(spikemix, place, whole, *settings))
    assert result.returncode == 0, result.stderr
    train_and_kill(spikemix, place, out, signal.SIGKILL, *settings)
    assert_same(out, whole)


def test_killed_with_everything_on_that_makes_training_learn_more(spikemix, place):
    settings = ["neuron.kind=integer", "model.stream=membrane", "train.spike_cost=1", "train.spike_target=0.2",
                "train.whiten=true", "train.identity_start=true", "augment.alternate_flip=true", "train.precision=bf16",
                "train.recompute=true", "train.accumulate=2", "train.optimizer=muon"]
    whole, out = place / "whole-budget", place / "killed-budget"
    result = run(*train(spikemix, place, whole, *settings))
    assert result.returncode == 0, result.stderr
    train_and_kill(spikemix, place, out, signal.SIGKILL, *settings)
    assert_same(out, whole)
    a, b = (safetensors.numpy.load_file(folder / "state.safetensors") for folder in (out, whole))
    assert a.keys() == b.keys() and "spikes.level_and_weight" in a and all((a[name] == b[name]).all() for name in a)


def test_resumed_on_another_number_of_threads(spikemix, place, uninterrupted):
    out = place / "threads"
    process = subprocess.Popen(train(spikemix, place, out), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for_checkpoints(process, out / "state.safetensors", 2)
    process.kill()
    process.wait()
    wrong = run(spikemix, "resume", out, "--threads", "-1")
    assert wrong.returncode == 2 and "--threads" in wrong.stderr, wrong.stderr
    assert len(wrong.stderr.strip().splitlines()) <= 3, wrong.stderr
    result = run(spikemix, "resume", out, "--threads", "2")
    assert result.returncode == 0 and "2 threads" in result.stderr, result.stderr
    assert len(learned(out)) == len(learned(uninterrupted))
    record = json.loads((out / "config.json").read_text())
    assert record["config"]["train"]["threads"] == record["effective"]["threads"] == 2
    assert [part["effective"]["threads"] for part in record["earlier"]] == [1]


def test_out_of_memory_says_what_to_change(spikemix, place):
    """A step that needs more memory than the process may have ends with one line, like a full disk."""
    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))

    result = run(*train(spikemix, place, place / "memory", "train.batch=500", "model.height=96", "model.width=96",
                        "model.embed_dim=128"), preexec_fn=limit)
    assert result.returncode == 1, result.stderr
    message = result.stderr.strip().splitlines()[-1]
    assert "out of memory in epoch 1, step 1" in message, message
    assert "train.batch (now 500; `spikemix train --find-batch`" in message, message


def test_two_processes_do_not_share_a_run(spikemix, place):
    out = place / "shared"
    process = subprocess.Popen(train(spikemix, place, out, "train.epochs=1000"),
                               stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while not (out / "state.safetensors").exists():
            time.sleep(0.05)
        result = run(spikemix, "resume", out)
        assert result.returncode == 2 and "another process" in result.stderr
    finally:
        process.kill()
        process.wait()


def test_loss_that_is_not_a_number(spikemix, place):
    result = run(*train(spikemix, place, place / "nan", "train.lr=1000", "train.warmup_lr=1000",
                        "train.weight_decay=1000"))
    assert result.returncode == 1
    # folder, settings, progress, error
    assert len(result.stderr.strip().splitlines()) <= 4 and "train.lr" in result.stderr
    # The last checkpoint is from a step that was still sound.
    state = place / "nan" / "state.safetensors"
    if state.exists():
        assert safetensors.numpy.load_file(state)


def test_full_disk(spikemix, place, uninterrupted):
    """Files may not grow past 20 KB: the first checkpoint fails, with one line."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    out = place / "full"
    shutil.copytree(uninterrupted, out)
    (out / "summary.json").unlink()
    before = (out / "state.safetensors").read_bytes()
    config = json.loads((out / "config.json").read_text())
    config["config"]["train"]["epochs"] = 5
    (out / "config.json").write_text(json.dumps(config))
    result = run(spikemix, "resume", out, preexec_fn=limit)
    assert result.returncode == 1, result.stderr
    assert "the earlier file is intact" in result.stderr.strip().splitlines()[-1]
    assert (out / "state.safetensors").read_bytes() == before
    # With enough room again, it resumes.
    assert run(spikemix, "resume", out).returncode == 0


def test_unreadable_image(spikemix, place, tmp_path):
    for split in ["train", "test"]:
        for label in ["cat", "dog"]:
            folder = tmp_path / "pictures" / split / label
            folder.mkdir(parents=True)
            for i in range(16):
                Image.new("RGB", (16, 16), (i, 2 * i, 3 * i)).save(folder / f"{i}.png")
    broken = tmp_path / "pictures" / "train" / "cat" / "7.png"
    broken.write_bytes(broken.read_bytes()[:40])
    result = run(spikemix, "train", place / "tiny.toml", "--data", tmp_path / "pictures", "--out", tmp_path / "run",
                 "model.classes=2", "model.channels=3")
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) <= 3
    assert "cat/7.png" in result.stderr


def finish(result):
    assert result.returncode == 0, result.stderr


def test_a_finished_run_resumes_for_more_epochs(spikemix, place, uninterrupted):
    """With the learning rates of the longer run, from the epoch that it has reached; killed and resumed, to the same
    bits."""
    longer, killed = place / "longer", place / "longer-killed"
    for out in [longer, killed]:
        shutil.copytree(uninterrupted, out)
    finish(run(spikemix, "resume", longer, "train.epochs=5"))
    command, kills = [spikemix, "resume", killed, "train.epochs=5", "train.checkpoint_seconds=0"], 0
    while not (killed / "summary.json").exists() or not kills:
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if kills < 2:
            wait_for_checkpoints(process, killed / "state.safetensors", 3)
            process.kill()
            kills += 1
        process.communicate(timeout=100)
        command = [spikemix, "resume", killed]
    assert_same(killed, longer)

    epochs = [line for line in learned(longer) if line["type"] == "epoch"]
    assert [line["epoch"] for line in epochs] == [0, 1, 2, 3, 4]
    assert epochs[:3] == [line for line in learned(uninterrupted) if line["type"] == "epoch"]
    whole = place / "five"
    finish(run(*train(spikemix, place, whole, "train.epochs=5")))
    rates = [line["lr"] for line in learned(whole) if line["type"] == "epoch"]
    assert [line["lr"] for line in epochs[3:]] == rates[3:]
    record = json.loads((longer / "config.json").read_text())
    assert record["config"]["train"]["epochs"] == 5 and record["effective"]["optimiser_steps"] == 5 * 512 // 16
    assert [(e["until_epoch"], e["train.epochs"]) for e in record["earlier"]] == [(3, 3)]
    assert run(spikemix, "resume", longer).returncode == 2


def test_a_best_model_that_is_gone(spikemix, place, uninterrupted, tmp_path):
    """A run that is done says so; one that continues writes a new one, whatever the accuracy of the lost one."""
    folder = tmp_path / "run"
    shutil.copytree(uninterrupted, folder)
    best = folder / "best" / "model.safetensors"
    best.unlink()
    done = run(spikemix, "resume", folder)
    assert done.returncode == 2 and f"{best} is gone" in done.stderr, done.stderr
    result = run(spikemix, "resume", folder, "train.epochs=4")
    assert result.returncode == 0 and f"{best}: is gone" in result.stderr, result.stderr
    assert best.exists() and json.loads((folder / "summary.json").read_text())["best_epoch"] == 3


def test_what_a_resumed_run_may_change(spikemix, place, uninterrupted):
    out = place / "changes"
    shutil.copytree(uninterrupted, out)
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    for words, *changes in [
            ("has already begun epoch 3 of 3", "train.epochs=2"), ("done after 3 epochs", "train.epochs=3"),
            ("resume changes train.epochs", "train.lr=1"), ("did you mean 'train.epochs'?", "train.epoch=5"),
            ("model.depth=3", "model.depth=3", "train.epochs=5"), ("--threads", "train.threads=2"),
            ("done after 3 epochs", "train.loader_threads=1"), ("train.epochs", "train.epochs=many"),
            ("train.epochs", "train.epochs=0"), ("key=value", "5")]:
        refused = run(spikemix, "resume", out, *changes)
        assert refused.returncode == 2 and words in refused.stderr, (changes, refused.stderr)
        assert len(refused.stderr.splitlines()) == 1
    assert before == {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}, "nothing was touched"


def test_an_interrupted_run_may_end_earlier(spikemix, place):
    out = place / "sooner"
    process = subprocess.Popen(train(spikemix, place, out), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for_checkpoints(process, out / "state.safetensors", 2)
    process.kill()
    process.wait()
    finish(run(spikemix, "resume", out, "train.epochs=2"))
    assert [line["epoch"] for line in learned(out) if line["type"] == "epoch"] == [0, 1]


def damaged(uninterrupted, folder):
    """An unfinished run, whose state the test may damage."""
    shutil.copytree(uninterrupted, folder)
    (folder / "summary.json").unlink()
    return folder / "state.safetensors"


def refused(spikemix, folder, said):
    before = {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    result = run(spikemix, "resume", folder)
    assert result.returncode == 2, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and said in result.stderr, result.stderr
    assert {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()} == before  # nothing is lost


def test_a_damaged_state_is_refused(spikemix, uninterrupted, tmp_path):
    state = damaged(uninterrupted, tmp_path / "run")
    whole = state.read_bytes()
    for at in (len(whole) - 1, len(whole) // 2, 9):  # values, and the header
        broken = bytearray(whole)
        broken[at] ^= 0x40
        state.write_bytes(broken)
        refused(spikemix, tmp_path / "run", str(state))
    state.write_bytes(whole[:-100])
    refused(spikemix, tmp_path / "run", str(state))


def test_an_impossible_place_is_refused(spikemix, uninterrupted, tmp_path):
    """As an older program would have written it, without a hash."""
    state = damaged(uninterrupted, tmp_path / "run")
    tensors = safetensors.numpy.load_file(state)
    with safetensors.safe_open(state, "np") as file:
        place = json.loads(file.metadata()["place"])
    for key in ("epoch", "step", "metrics_size", "best_epoch", "best_top1", "total_seconds"):
        for value in (-2, 1e18, "x"):
            safetensors.numpy.save_file(tensors, state, {"place": json.dumps({**place, key: value})})
            refused(spikemix, tmp_path / "run", "state.safetensors: ")
    for nonsense in ("", "[" * 100000, "null", "{}"):
        safetensors.numpy.save_file(tensors, state, {"place": nonsense})
        refused(spikemix, tmp_path / "run", "does not say where the run stands")
    safetensors.numpy.save_file(tensors, state, {"place": json.dumps(place)})
    assert run(spikemix, "resume", tmp_path / "run").returncode == 0  # and a valid one of that kind resumes


def test_a_run_resumes_only_with_its_own_data(spikemix, tmp_path):
    place = make_place(tmp_path, 160, 40)
    assert run(*train(spikemix, place, place / "run", "train.epochs=1", "train.warmup_epochs=0")).returncode == 0
    labels = place / "data" / "train-labels-idx1-ubyte"
    own = labels.read_bytes()
    labels.write_bytes(own[:-1] + bytes([(own[-1] + 1) % 10]))
    refused = run(spikemix, "resume", place / "run", "train.epochs=2")
    assert refused.returncode == 2 and "the run began with other data" in refused.stderr, refused.stderr
    labels.write_bytes(own)
    assert run(spikemix, "resume", place / "run", "train.epochs=2").returncode == 0


@pytest.mark.parametrize("effective", [[], None, {"ranks": "x"}])
def test_a_record_of_another_kind_is_refused(spikemix, uninterrupted, tmp_path, effective):
    out = tmp_path / "run"
    shutil.copytree(uninterrupted, out)
    record = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**record, "effective": effective}))
    result = run(spikemix, "resume", out, "train.epochs=5")
    assert result.returncode == 2 and "'effective' values" in result.stderr, result.stderr


def test_settings_that_cannot_work_leave_no_run_folder(spikemix, place, tmp_path):
    for n, overrides in enumerate([["model.T=257"], ["model.mlp_ratio=16"], ["model.depth=127", "model.embed_dim=8"],
                                   ["neuron.tau=inf"], ["train.weight_decay=nan"], ["train.loader_threads=1000000"],
                                   ["model.T=4000000000000000"], ["train.epochs=900000000000000"], ["name="],
                                   ["name=" + "x" * 5000], ["model.height=4000000000", "model.width=4000000000"]]):
        result = run(*tiny.train(spikemix, place, tmp_path / str(n), *overrides))
        assert result.returncode == 2 and len(result.stderr.strip().splitlines()) == 1, (overrides, result.stderr)
        assert overrides[0].split("=")[0] in result.stderr
        assert not (tmp_path / str(n)).exists()


def test_time_steps_that_are_never_shown_give_a_warning(spikemix, place, tmp_path):
    result = run(*tiny.train(spikemix, place, tmp_path / "run", "train.epochs=1", "train.one_step_epochs=1"))
    assert result.returncode == 0 and "never trained on its 2 time steps" in result.stderr


def test_a_lost_state_is_said(spikemix, uninterrupted, tmp_path):
    """The run has learned: to begin again would replace its results. Any trace of them is enough."""
    whole = tmp_path / "whole"
    shutil.copytree(uninterrupted, whole)
    (whole / "state.safetensors").unlink()
    refused(spikemix, whole, f"{whole / 'state.safetensors'}: is gone; the run cannot go on")
    for kept in ["summary.json", "metrics.jsonl", "best/model.safetensors", "last/model.safetensors"]:
        folder = tmp_path / kept.replace("/", "-")
        (folder / kept).parent.mkdir(parents=True)
        for name in ["config.json", kept]:
            shutil.copy(whole / name, folder / name)
        (folder / ".lock").touch()  # the one file that every resume makes
        refused(spikemix, folder, f"{folder / kept} is there")
    longer = run(spikemix, "resume", whole, "train.epochs=5")
    assert longer.returncode == 2 and "is gone" in longer.stderr


def forget(folder):
    """As if killed after the record, and before the first checkpoint."""
    for name in ["state.safetensors", "summary.json", "metrics.jsonl"]:
        (folder / name).unlink()
    for name in ["best", "last"]:
        shutil.rmtree(folder / name)


@pytest.mark.parametrize("settings", [[], ["train.whiten=true"]], ids=["drawn", "whitened"])
def test_killed_before_its_first_checkpoint(spikemix, place, tmp_path, settings):
    whole, out = tmp_path / "whole", tmp_path / "out"
    finish(run(*train(spikemix, place, whole, *settings)))
    shutil.copytree(whole, out)
    forget(out)
    finish(run(spikemix, "resume", out))
    assert_same(out, whole)


def test_killed_before_its_first_checkpoint_with_a_trained_model(spikemix, place, uninterrupted, tmp_path):
    """It is read again; another one in its place is refused."""
    whole, out, start = tmp_path / "whole", tmp_path / "out", tmp_path / "start.safetensors"
    shutil.copy(uninterrupted / "last" / "model.safetensors", start)
    finish(run(*train(spikemix, place, whole, f"train.init={start}", "train.whiten=true")))
    shutil.copytree(whole, out)
    forget(out)
    shutil.copy(whole / "last" / "model.safetensors", start)
    refused(spikemix, out, "its checksum is")
    shutil.copy(uninterrupted / "last" / "model.safetensors", start)
    finish(run(spikemix, "resume", out))
    assert_same(out, whole)


def test_a_record_comes_with_a_checkpoint(spikemix, place, tmp_path):
    """Before the first step: a run killed in a long first epoch has one."""
    out = tmp_path / "run"
    process = subprocess.Popen(train(spikemix, place, out, "train.checkpoint_seconds=1000", "train.epochs=1000"),
                               stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while not (out / "metrics.jsonl").exists() or not (out / "metrics.jsonl").stat().st_size:
            assert process.poll() is None
            time.sleep(0.001)
        assert (out / "state.safetensors").exists()
    finally:
        process.kill()
        process.wait()


def test_folders_of_models_that_are_gone_are_made(spikemix, uninterrupted, tmp_path):
    """git, zip and rsync may leave out empty ones."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    for folder in [whole, out]:
        shutil.copytree(uninterrupted, folder)
    finish(run(spikemix, "resume", whole, "train.epochs=4"))
    shutil.rmtree(out / "last")
    finish(run(spikemix, "resume", out, "train.epochs=4"))
    assert (out / "last/model.safetensors").read_bytes() == (whole / "last/model.safetensors").read_bytes()
