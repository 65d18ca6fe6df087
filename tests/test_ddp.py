# SPDX-License-Identifier: MIT
"""Several processes train one model: to the weights of a single process, through the end of one of them, and on any
number."""
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy

from tiny import learned, make_place, run, train, write_idx

ONE_STEP = ["train.epochs=1", "train.warmup_epochs=0", "data.train_images=20"]  # a batch of 16


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    # 2 ranks do not divide the last test batch of 5
    return make_place(tmp_path_factory.mktemp("ddp"), train=320, test=21)


# Below those that the kernel assigns (ip_local_port_range): no other rank's connection gets one before rank 0 does.
# Each is given once: runs that start together have different ones.
PORTS = iter(random.sample(range(20_000, 32_000), 12_000))


def free_port():
    for port in PORTS:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def start(command, ranks=2):
    """Starts the ranks by hand, without a launcher."""
    port = str(free_port())
    environment = lambda r: {**os.environ, "RANK": str(r), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(r),
                             "LOCAL_WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [subprocess.Popen(list(map(str, command)), env=environment(r), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True) for r in range(ranks)]


def finish(processes, timeout=100):
    outputs = [p.communicate(timeout=timeout) for p in processes]
    return [(p.returncode, out, err) for p, (out, err) in zip(processes, outputs)]


def trained(command, ranks=2):
    results = finish(start(command, ranks))
    assert [code for code, _, _ in results] == [0] * ranks, results
    return results


def torchrun(command, ranks=2):
    program = pathlib.Path(sys.executable).parent / "torchrun"
    return subprocess.Popen([program, "--no-python", "--nproc-per-node", str(ranks), "--master-addr", "127.0.0.1",
                             "--master-port", str(free_port()), *command], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def state(folder):
    return safetensors.numpy.load_file(folder / "state.safetensors")


def record(folder):
    return json.loads((folder / "config.json").read_text())


def wait_for(condition, processes, seconds=100):
    end = time.monotonic() + seconds
    while not condition():
        ended = [p for p in processes if p.poll() is not None]
        assert time.monotonic() < end and not ended, [(p.returncode, p.stderr and p.stderr.read()) for p in ended]
        time.sleep(0.01)


CASES = {
    "mixup": ["augment.mixup=0.8"],
    "cutmix": ["augment.mixup=0", "augment.cutmix=1"],
    "accumulate": ["train.accumulate=2", "data.train_images=40"],
    "dense": ["train.sparse_below=0"],
    "ssa": ["model.mixer=ssa", "augment.mixup=0"],
    "plif": ["model.mixer=dwt-c", "neuron.kind=plif"],
    "muon": ["train.optimizer=muon"],
    "spikes": ["neuron.kind=integer", "model.stream=membrane", "train.spike_cost=5", "train.whiten=true",
               "train.identity_start=true", "augment.alternate_flip=true", "train.accumulate=2",
               "data.train_images=40"],
}


@pytest.mark.parametrize("ranks, case", [(2, case) for case in CASES] + [(4, "mixup")])
def test_gradients_and_statistics_are_those_of_one_process(spikemix, place, ranks, case):
    one, many = place / f"one-{case}-{ranks}", place / f"many-{case}-{ranks}"
    result = run(*train(spikemix, place, one, *ONE_STEP, *CASES[case]))
    assert result.returncode == 0, result.stderr
    trained(train(spikemix, place, many, *ONE_STEP, *CASES[case]), ranks)
    a, b = state(one), state(many)
    assert a.keys() == b.keys()
    for name in a:
        if name.endswith(("exp_avg", "momentum")) or "running" in name:  # after one step: a share of the gradient
            scale = np.abs(a[name]).max()
            assert np.abs(a[name] - b[name]).max() <= 2e-5 * scale + 1e-9, name
        elif name.startswith("model.") and "num_batches" not in name:
            # Adam divides a gradient by its own size: near zero, its sign decides.
            assert np.abs(a[name] - b[name]).mean() <= 1e-5, name
        elif not name.endswith("exp_avg_sq") and not name.startswith("average."):
            assert (a[name] == b[name]).all(), name
    loss_a, loss_b = learned(one)[-1], learned(many)[-1]
    assert loss_a["train_loss"] == pytest.approx(loss_b["train_loss"], rel=1e-6)
    assert loss_a["test_loss"] == pytest.approx(loss_b["test_loss"], rel=1e-3)


def test_torchrun_learns_what_one_process_learns(spikemix, place):
    result = run(*train(spikemix, place, place / "alone"))
    assert result.returncode == 0, result.stderr
    process = torchrun(train(spikemix, place, place / "torchrun", "--json"))
    [(code, out, err)] = finish([process])
    assert code == 0, err
    summary = json.loads(out)  # rank 0's alone
    assert summary["run"] == str(place / "torchrun")
    assert "2 ranks x 8 images = batch 16" in err and "lr up to 0.002" in err
    effective = record(place / "torchrun")["effective"]
    assert (effective["ranks"], effective["batch_of_each_rank"], effective["peak_learning_rate"]) == (2, 8, 2e-3)
    assert sum(effective["bucket_bytes"]) == 4 * summary["parameters"]
    assert record(place / "alone")["effective"]["bucket_bytes"] == []
    # After sixty steps, some spikes at the threshold have flipped; what is learned is the same.
    losses = [[line["train_loss"] for line in learned(place / name) if line["type"] == "epoch"]
              for name in ["alone", "torchrun"]]
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)


@pytest.fixture(scope="module")
def uninterrupted(spikemix, place):
    trained(train(spikemix, place, place / "whole"))
    return place / "whole"


def assert_same(run_a, run_b):
    for model in ["last/model.safetensors", "best/model.safetensors"]:
        assert (run_a / model).read_bytes() == (run_b / model).read_bytes(), model
    assert learned(run_a) == learned(run_b)


@pytest.mark.parametrize("victim", [0, 1])
def test_killed_rank_is_named_and_the_run_resumes(spikemix, place, uninterrupted, victim):
    out = place / f"killed-{victim}"
    processes = start(train(spikemix, place, out, "train.checkpoint_seconds=0"))
    wait_for(lambda: (out / "state.safetensors").exists(), processes)
    time.sleep(0.1)
    processes[victim].kill()
    killed = time.monotonic()
    code, _, err = finish(processes, timeout=60)[1 - victim]
    assert time.monotonic() - killed < 60
    assert code == 1, err
    line = err.strip().splitlines()[-1]
    assert line.startswith(f"spikemix: rank {victim} (") and f"pid {processes[victim].pid})" in line
    assert "is gone in epoch" in line and f"spikemix resume {out}" in line
    # Nothing else, apart from rank 0's folder and progress.
    assert len([text for text in err.strip().splitlines() if not text.startswith(("tiny", "run folder: "))]) == 1, err
    trained([spikemix, "resume", out])
    assert_same(out, uninterrupted)


TORCHRUNS_PATIENCE = 30  # seconds from its SIGTERM, when a rank has ended, to its SIGKILL


def assert_names(process, victim, since):
    """The remaining rank ends in time, with a line that names the one that is gone."""
    [(code, _, err)] = finish([process], timeout=60)
    assert time.monotonic() - since < TORCHRUNS_PATIENCE
    assert code == 1, err
    line = err.strip().splitlines()[-1]
    assert line.startswith(f"spikemix: rank {victim} (") and "is gone in epoch" in line, err


def test_rank_that_goes_silent_is_named(spikemix, place):
    """Its machine is unreachable: no connection closes, and if it is rank 0, the store is silent, too."""
    runs = {}
    try:
        for victim in [0, 1]:
            out = place / f"silent-{victim}"
            runs[victim] = start(train(spikemix, place, out, "train.epochs=500"))
            wait_for(lambda: (out / "state.safetensors").exists(), runs[victim])
        for victim, processes in runs.items():
            processes[victim].send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        for victim, processes in runs.items():
            assert_names(processes[1 - victim], victim, stopped)
    finally:
        for processes in runs.values():
            for process in processes:
                process.kill()
                process.communicate()


def test_rank_that_is_killed_within_a_collective_is_named(spikemix, place):
    """Gloo may not notice: the others still have to read what rank 1 sent before it was killed, and get no answer."""
    folders = [place / f"within-{i}" for i in range(4)]
    runs = [start(train(spikemix, place, out, "train.epochs=500"), ranks) for out, ranks in zip(folders, [2, 2, 2, 4])]
    for out, processes in zip(folders, runs):  # all at once: none trains on while another one starts
        wait_for((out / "state.safetensors").exists, processes)
    victims = [processes.pop(1) for processes in runs]
    survivors = [process for processes in runs for process in processes]
    for process in survivors:
        process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)  # the victims enter a collective
    for victim in victims:
        victim.kill()
        victim.communicate()
    for process in survivors:
        process.send_signal(signal.SIGCONT)
    killed = time.monotonic()
    for process in survivors:
        assert_names(process, 1, killed)


def test_killed_under_torchrun_and_resumed_on_one(spikemix, place):
    out = place / "killed-torchrun"
    process = torchrun(train(spikemix, place, out, "train.checkpoint_seconds=0", "train.epochs=6"))
    wait_for(lambda: (out / "state.safetensors").exists(), [process])
    children = [int(pid) for pid in subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True,
                                                   text=True).stdout.split()]
    environments = {p: pathlib.Path(f"/proc/{p}/environ").read_text().split("\0") for p in children}
    ranks = {p: int(dict(line.split("=", 1) for line in lines if line)["RANK"]) for p, lines in environments.items()}
    victim = next(p for p, rank in ranks.items() if rank == 1)
    os.kill(victim, signal.SIGKILL)
    [(code, _, err)] = finish([process], timeout=60)
    assert code != 0
    lines = [line for line in err.splitlines() if line.startswith("spikemix: rank 1 (")]
    assert [line for line in lines if f"pid {victim})" in line], err
    result = run(spikemix, "resume", out)
    assert result.returncode == 0, result.stderr
    assert json.loads((out / "summary.json").read_text())["best_top1"] > 0
    now = record(out)
    assert now["effective"]["ranks"] == 1
    assert [e["effective"]["ranks"] for e in now["earlier"]] == [2]


def test_stopped_together_and_resumed(spikemix, place, uninterrupted):
    out = place / "stopped"
    processes = start(train(spikemix, place, out, "train.checkpoint_seconds=0"))
    wait_for(lambda: (out / "state.safetensors").exists(), processes)
    processes[1].send_signal(signal.SIGINT)  # either of them stops both
    results = finish(processes)
    assert [code for code, _, _ in results] == [130, 130], results
    assert "spikemix resume" in results[0][2] and not results[1][2]
    trained([spikemix, "resume", out])
    assert_same(out, uninterrupted)


def test_a_run_of_one_resumes_with_two(spikemix, place):
    out = place / "one-then-two"
    command = train(spikemix, place, out, "train.checkpoint_seconds=0")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: (out / "state.safetensors").exists(), [process])
    process.kill()
    process.wait()
    trained([spikemix, "resume", out])
    assert record(out)["effective"]["ranks"] == 2 and record(out)["earlier"][0]["effective"]["ranks"] == 1


def one_line(result, code):
    assert result.returncode == code, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


def test_invalid_environment_is_refused(spikemix, place):
    alone = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    command = train(spikemix, place, place / "never")
    assert "RANK is not" in one_line(run(*command, env={**alone, "WORLD_SIZE": "2"}), 2)
    two = {**alone, "RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    assert "train.batch = 15" in one_line(run(*command, "train.batch=15", env=two), 2)
    assert "augment.mixup" in one_line(run(*command, "train.batch=6", env=two), 2)
    assert not (place / "never").exists()


def test_an_error_of_one_rank_ends_all(spikemix, place, uninterrupted):
    results = finish(start(train(spikemix, place, uninterrupted)))  # rank 0 finds a run there
    assert [code for code, _, _ in results] == [2, 2], results
    assert "holds a run already" in results[0][2]
    assert "rank 0 (" in results[1][2] and "holds a run already" in results[1][2]
    assert all(len(err.strip().splitlines()) == 1 for _, _, err in results), results


def each_in(command, folders, ranks_environment=None):
    """Runs the ranks, each in its own working folder, and perhaps with its own arguments."""
    port = str(free_port())
    processes = []
    for r, (folder, more) in enumerate(folders):
        environment = {**os.environ, "RANK": str(r), "WORLD_SIZE": str(len(folders)), "LOCAL_RANK": str(r),
                       "LOCAL_WORLD_SIZE": str(len(folders)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
                       **(ranks_environment or {})}
        processes.append(subprocess.Popen([*map(str, command), *more], env=environment, cwd=folder,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    return finish(processes)


def other_data(folder, what):
    """A copy of the data with one difference."""
    write_idx(folder / "data", train=160 if what == "count" else 320, test=11 if what == "test" else 21)
    labels = folder / "data" / "train-labels-idx1-ubyte"
    if what == "labels":
        changed = bytearray(labels.read_bytes())
        changed[8], changed[9] = changed[9], changed[8]
        labels.write_bytes(changed)


@pytest.mark.parametrize("what, said", [("count", "training images: rank 1 (.*) has 160, rank 0 (.*) has 320"),
                                        ("test", "test images: rank 1 (.*) has 11, rank 0 (.*) has 21"),
                                        ("labels", "hash of the training labels: rank 1 ")])
def test_ranks_with_other_data_are_named(spikemix, place, tmp_path, what, said):
    other_data(tmp_path / "0", "nothing")
    other_data(tmp_path / "1", what)
    out = tmp_path / "run"
    command = [spikemix, "train", place / "tiny.toml", "--data", "data", "--out", out]
    results = each_in(command, [(tmp_path / "0", []), (tmp_path / "1", [])])
    assert [code for code, _, _ in results] == [2, 2], results
    for _, _, err in results:
        assert len(err.strip().splitlines()) == 1 and re.search(said, err), err
    assert not out.exists()


def test_ranks_with_other_settings_are_named(spikemix, place, tmp_path):
    out = tmp_path / "run"
    command = [spikemix, "train", place / "tiny.toml", "--data", place / "data", "--out", out]
    results = each_in(command, [(tmp_path, []), (tmp_path, ["train.lr=1"]), (tmp_path, []), (tmp_path, [])])
    assert [code for code, _, _ in results] == [2] * 4, results
    assert all(re.search(r"train.lr: rank 1 \(.*\) has 1.0, the other 3 ranks have 0.004", err)
               for _, _, err in results)
    assert not out.exists()


def test_a_list_of_network_interfaces(spikemix, place, tmp_path):
    command = train(spikemix, place, tmp_path / "run", "train.epochs=1", "data.train_images=32")
    results = each_in(command, [(tmp_path, [])] * 2, {"GLOO_SOCKET_IFNAME": "lo,lo"})
    assert [code for code, _, _ in results] == [0, 0], results
    results = each_in(train(spikemix, place, tmp_path / "none"),
                      [(tmp_path, [])] * 2, {"GLOO_SOCKET_IFNAME": "lo,none0"})
    assert [code for code, _, _ in results] == [2, 2], results
    assert all("GLOO_SOCKET_IFNAME=lo,none0" in err and "'none0'" in err for _, _, err in results), results


def test_validation_and_fine_tuning_on_two_ranks(spikemix, place):
    settings = ["data.validation=0.1", "train.epochs=2", "neuron.v_threshold=0.5"]
    first, tuned = place / "validated", place / "tuned"
    trained(train(spikemix, place, first, *settings))
    summary = json.loads((first / "summary.json").read_text())
    assert summary["best_on"] == "validation" and summary["validation_images"] == 32 and summary["test_images"] == 21
    ends = {line["weights"]: line["test_top1"] for line in learned(first) if line["type"] == "test"}
    assert summary["last_top1"] == ends["last"] and summary["best_top1"] == ends.get("best", ends["last"])
    for weights in ["best", "last"]:  # for every image, though each rank saw part of each batch
        kept = safetensors.numpy.load_file(first / weights / "test_answers.safetensors")
        assert kept["label"].tolist() == [i % 10 for i in range(21)]
        assert 100 * np.mean(kept["label"] == kept["answer"]) == pytest.approx(summary[f"{weights}_top1"])
        again = first / "again.safetensors"
        run(spikemix, "eval", first / weights / "model.safetensors", "--engine", "torch", "--answers", again)
        assert np.array_equal(safetensors.numpy.load_file(again)["answer"], kept["answer"])
    results = trained(train(spikemix, place, tuned, *settings, f"train.init={first}", "train.freeze=stem",
                            "train.ema=0"))
    assert sum("train.init = " in err for _, _, err in results) == 1, "the first rank speaks"
    before = safetensors.numpy.load_file(first / "best" / "model.safetensors")
    after = safetensors.numpy.load_file(tuned / "last" / "model.safetensors")
    for name in before:
        same = np.array_equal(before[name], after[name])
        assert same if name.startswith("patch_embed.") else not same or name.endswith(".bias"), name
