# SPDX-License-Identifier: MIT
"""Data sets of recordings, from published files to answers: info, training, prediction, streaming."""
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

import small_data
from places import data_at
from tiny import run

RECIPE = """
name = "tiny-events"
[model]
mixer = "fft2d"
input = "events"
channels = 2
height = 16
width = 16
classes = 3
T = 4
embed_dim = 32
depth = 1
heads = 4
pool = [0, 0, 1, 1]
[data]
frames = "count"
[augment]
crop_padding = 0
flip = false
roll = 1
[train]
epochs = 8
cooldown_epochs = 0
warmup_epochs = 1
batch = 15
lr = 1e-2
threads = 1
"""


def write_recording(file, label, seed, events=400):
    """Events along a separate row for each class, with noise."""
    rng = np.random.default_rng(seed)
    rows = np.where(rng.random(events) < 0.8, 3 + 5 * label, rng.integers(0, 16, events))
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, t=np.sort(rng.integers(0, 100_000, events)), x=rng.integers(0, 16, events), y=rows,
             p=rng.integers(0, 2, events))


@pytest.fixture(scope="module")
def trained(spikemix, tmp_path_factory):
    """A run on 20 + 5 recordings of each of three classes."""
    folder = tmp_path_factory.mktemp("events")
    for label, name in enumerate(["high", "middle", "low"]):
        for i in range(25):
            write_recording(folder / "set" / ("train" if i < 20 else "test") / name / f"{i:02}.npz",
                            ["high", "low", "middle"].index(name), 100 * label + i)
    (folder / "tiny.toml").write_text(RECIPE)
    result = run(spikemix, "train", folder / "tiny.toml", "--data", folder / "set", "--out", folder / "run", "--json")
    assert result.returncode == 0, result.stderr
    return folder, json.loads(result.stdout)


def test_info_counts_events_and_durations(spikemix, trained):
    folder, _ = trained
    found = json.loads(run(spikemix, "data", "info", folder / "set", "--json").stdout)
    assert found["format"] == "recordings" and found["classes"] == ["high", "low", "middle"]
    train, test = found["splits"]
    assert train["class_counts"] == [20] * 3 and train["class_events"] == [8000] * 3
    assert (test["height"], test["width"]) == (16, 16)
    assert all(90_000 < t < 100_000 for t in test["class_shortest_us"])
    text = run(spikemix, "data", "info", folder / "set").stdout
    assert "train: 60 recordings, 16 x 16 pixels" in text


def test_training_learns_and_the_engine_agrees(spikemix, trained):
    folder, summary = trained
    assert summary["best_top1"] > 60
    ours = json.loads(run(spikemix, "eval", folder / "run", "--json").stdout)
    theirs = json.loads(run(spikemix, "eval", folder / "run", "--engine", "torch", "--json").stdout)
    assert ours["top1"] == theirs["top1"] == summary["best_top1"]
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)
    early = run(spikemix, "eval", folder / "run", "--exit-confidence", "1", "--json")
    assert json.loads(early.stdout)["top1"] == ours["top1"]
    bench = json.loads(run(spikemix, "bench", folder / "run", "--json", "--images", "6").stdout)
    assert bench["images"] == 6
    for layers in [[], ["--layers"]]:
        text = run(spikemix, "bench", folder / "run", *layers, "--images", "6").stdout
        assert "recordings/s" in text and "img" not in text and "image" not in text


def test_resume_ends_at_the_same_bits(spikemix, trained, tmp_path):
    folder, _ = trained
    command = [spikemix, "train", folder / "tiny.toml", "--data", folder / "set", "--out", tmp_path / "run",
               "train.checkpoint_seconds=0", "train.loader_threads=3"]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    while not (tmp_path / "run" / "last" / "model.safetensors").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    result = run(spikemix, "resume", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    models = [path / "last" / "model.safetensors" for path in (folder / "run", tmp_path / "run")]
    assert models[0].read_bytes() == models[1].read_bytes()


def test_predict_names_and_draws_a_recording(spikemix, trained, tmp_path):
    folder, _ = trained
    file = folder / "set" / "test" / "low" / "21.npz"
    result = run(spikemix, "predict", file, "--model", folder / "run", "--render", tmp_path / "a.apng", "--json")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)[0]
    assert answer["file"] == str(file) and len(answer["logits"]) == 3
    assert (tmp_path / "a.apng").read_bytes().startswith(b"\x89PNG")
    text = run(spikemix, "predict", file, "--model", folder / "run").stdout
    assert answer["label"] in text and "%" in text
    for arguments, message in [([file, file, "--render", "b.png"], "takes one recording"),
                               ([file, "--render", tmp_path / "b.gif"], "expected a name that ends with .png"),
                               ([folder / "tiny.toml"], "tiny.toml, byte 0: begins with")]:
        wrong = run(spikemix, "predict", *arguments, "--model", folder / "run")
        assert wrong.returncode == 2 and message in wrong.stderr and wrong.stderr.count("\n") == 1, wrong.stderr
    image = run(spikemix, "predict", file)  # the built-in model takes images
    assert image.returncode == 2, image.stderr


def test_predict_has_no_answer_without_events(spikemix, trained, tmp_path):
    folder, _ = trained
    file = folder / "set" / "test" / "low" / "21.npz"
    (tmp_path / "none").mkdir()
    empty = tmp_path / "none" / "empty.aedat"
    empty.write_bytes(aedat3(0))
    predict = [spikemix, "predict", "--model", folder / "run", "--json"]
    for arguments in [[empty], [file, empty]]:
        wrong = run(*predict, *arguments)
        assert wrong.returncode == 2 and wrong.stdout == "" and wrong.stderr.count("\n") == 1, wrong.stderr
        assert "empty.aedat: has no events: there is no answer" in wrong.stderr
    for arguments in [[file, tmp_path / "none"], [file, empty, "--skip-bad", 1]]:
        result = run(*predict, *arguments)
        assert result.returncode == 0 and len(json.loads(result.stdout)) == 1, result.stderr
        assert "skipped 1 of 2 files" in result.stderr


def stream_lines(text):
    lines = [json.loads(line) for line in text.splitlines()]
    return lines[:-1], lines[-1]["summary"]


def test_stream_ends_at_predicts_bits(spikemix, trained):
    folder, _ = trained
    file = folder / "set" / "test" / "high" / "22.npz"
    answer = json.loads(run(spikemix, "predict", file, "--model", folder / "run", "--json").stdout)[0]
    result = run(spikemix, "stream", file, "--model", folder / "run", "--max-speed", "--json")
    assert result.returncode == 0, result.stderr
    steps, summary = stream_lines(result.stdout)
    assert [s["step_in_window"] for s in steps] == [1, 2, 3, 4]  # 400 events: 100 a step, as in training
    assert steps[-1]["logits"] == answer["logits"] and steps[-1]["label"] == answer["label"]
    assert summary["steps"] == 4 and summary["events"] == 400 and summary["dropped"] == 0
    assert summary["latency_ms_p99"] >= summary["latency_ms_p50"] > 0


def test_stream_plays_at_the_recordings_speed(spikemix, trained):
    folder, _ = trained
    file = folder / "set" / "test" / "high" / "22.npz"
    result = run(spikemix, "stream", file, "--model", folder / "run", "--step-us", 10_000, "--json")
    steps, summary = stream_lines(result.stdout)
    assert len(steps) == 10
    assert 0.095 < summary["seconds"] < 5
    text = run(spikemix, "stream", file, "--model", folder / "run", "--step-us", 10_000).stdout
    assert "10 steps, 0 dropped, 400 events" in text


def feed(path, data):
    """Connects as soon as the socket exists. @returns the seconds that sending took"""
    connection = socket.socket(socket.AF_UNIX)
    for _ in range(500):
        try:
            connection.connect(str(path))
            break
        except OSError:
            time.sleep(0.01)
    start = time.perf_counter()
    connection.sendall(data)
    connection.close()
    return time.perf_counter() - start


def scan(events, steps_us, p):
    k = np.arange(events)
    return {"t": k * steps_us // 10, "x": k % 16, "y": k // 16 % 16, "p": np.full(events, p)}


def aedat3(events, steps_us=1000):
    """Events one pixel and `steps_us` / 10 us apart, in packets of a thousand."""
    return small_data.aedat3(scan(events, steps_us, p=1))


def test_stream_from_a_socket_drops_for_a_slow_consumer(spikemix, trained, tmp_path):
    folder, _ = trained
    events, path = 60_000, tmp_path / "camera.sock"
    command = [spikemix, "stream", f"unix:{path}", "--model", folder / "run", "--json", "--size", "16x16",
               "--step-us", 1000]
    process = subprocess.Popen([str(a) for a in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Nobody reads the answers: the pipe fills up, the engine stops, and the source must not notice.
    feed(path, aedat3(events))
    time.sleep(0.5)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    lines, summary = stream_lines(output)
    steps = [line for line in lines if "step" in line]
    dropped = sum(line["dropped"] for line in lines if "dropped" in line)
    assert len(steps) + dropped == events // 10
    assert summary["dropped"] == dropped > 0 and summary["steps"] == len(steps) > 0
    assert not path.exists()


def test_stream_from_standard_input(spikemix, trained):
    folder, _ = trained
    result = subprocess.run([str(a) for a in [spikemix, "stream", "-", "--model", folder / "run", "--json", "--size",
                                              "16x16", "--step-us", 1000, "--max-speed"]],
                            input=aedat3(500), capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert stream_lines(result.stdout)[1]["steps"] == 50


def nmnist(events, step_us=1000):
    """N-MNIST's format, which only the order of times identifies: events 0.1 ms apart."""
    return small_data.nmnist(scan(events, step_us, p=0))


def start_stream(program, folder, source, *arguments, **options):
    return subprocess.Popen([str(a) for a in [program, "stream", source, "--model", folder / "run", "--size", "16x16",
                                              "--step-us", 1000, *arguments]],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("make", [aedat3, nmnist])
def test_stream_answers_while_the_camera_is_slow(spikemix, trained, make):
    folder, _ = trained
    process = start_stream(spikemix, folder, "-", "--json", stdin=subprocess.PIPE)
    process.stdin.write(make(25))  # two and a half steps, then a pause
    process.stdin.flush()
    lines = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [line["step"] for line in lines] == [0, 1]
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert stream_lines(output)[1]["steps"] == 3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_stream_and_leaves_no_socket(spikemix, trained, tmp_path, name):
    folder, _ = trained
    path = tmp_path / "camera.sock"
    process = start_stream(spikemix, folder, f"unix:{path}", "--json")
    while not path.exists():
        time.sleep(0.01)
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and not path.exists(), errors
    # The same while it runs: what was seen so far is summed up.
    process = start_stream(spikemix, folder, "-", "--json", stdin=subprocess.PIPE)
    process.stdin.write(nmnist(45))
    process.stdin.flush()
    for _ in range(4):
        process.stdout.readline()
    process.send_signal(getattr(signal, name))
    output, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(60) == 130, errors
    assert stream_lines(output)[1]["windows"] == 1


def test_stream_ends_with_the_last_whole_windows_class(spikemix, trained, tmp_path):
    folder, _ = trained
    file = folder / "set" / "test" / "high" / "22.npz"
    model = [file, "--model", folder / "run", "--max-speed"]
    steps, summary = stream_lines(run(spikemix, "stream", *model, "--step-events", 80, "--json").stdout)
    assert [s["step_in_window"] for s in steps] == [1, 2, 3, 4, 1]  # the fifth is a window's beginning
    assert summary["windows"] == 1 and summary["logits"] == steps[3]["logits"] != steps[4]["logits"]
    assert summary["label"] == steps[3]["label"] and summary["step_in_window"] == 4
    text = run(spikemix, "stream", *model, "--step-events", 80).stdout
    assert text.splitlines()[-1].startswith(steps[3]["label"]) and "whole window of 4 steps" in text
    # Shorter than a window: the answer says by how much.
    steps, summary = stream_lines(run(spikemix, "stream", *model, "--step-events", 150, "--json").stdout)
    assert summary["windows"] == 0 and summary["logits"] == steps[2]["logits"] and summary["step_in_window"] == 3
    assert "by 3 of the 4 steps" in run(spikemix, "stream", *model, "--step-events", 150).stdout


def test_stream_that_breaks_off_sums_up_what_came(spikemix, trained):
    folder, _ = trained
    for sent, steps, message in [(nmnist(45) + b"\1\2", 4, "2 bytes left, expected an event of 5"),
                                 (aedat3(0), 0, "without an event"), (b"", 0, "the file is empty")]:
        process = start_stream(spikemix, folder, "-", "--json", stdin=subprocess.PIPE)
        output, errors = process.communicate(sent, timeout=60)
        assert process.returncode == 2 and message in errors.decode() and errors.count(b"\n") == 1, errors
        if steps:
            assert stream_lines(output)[1]["steps"] == steps


def test_recordings_of_another_sensor_are_told(spikemix, trained, tmp_path):
    folder, _ = trained
    large = tmp_path / "large.aedat"
    large.write_bytes(aedat3(400))  # from a DVS128
    told = "128 x 128 pixels, the model learned from 16 x 16"
    for command in [("predict", large, "--json"), ("stream", large, "--max-speed")]:
        result = run(spikemix, *command, "--model", folder / "run")
        assert result.returncode == 0 and told in result.stderr and result.stderr.count("\n") == 1, result.stderr
    assert run(spikemix, "predict", large, "--model", folder / "run", "--size", "16x16").stderr == ""
    beyond = tmp_path / "beyond.npz"
    np.savez(beyond, t=np.arange(400), x=np.arange(400) % 90, y=np.arange(400) % 16, p=np.arange(400) % 2)
    result = run(spikemix, "predict", beyond, "--model", folder / "run")
    assert "90 x 16 pixels, the model learned from 16 x 16" in result.stderr
    result = run(spikemix, "stream", beyond, "--model", folder / "run", "--max-speed")
    assert result.returncode == 2 and "event at x = 16, y = 0, expected x below 16" in result.stderr


def test_predict_sees_what_eval_sees(spikemix, trained, tmp_path):
    """Recordings from parts of a sensor whose size they do not give: each alone, in the set, and in another set."""
    folder, _ = trained
    rng = np.random.default_rng(3)
    for split, count in [("train", 15), ("test", 3)]:
        for name in ["high", "low", "middle"]:
            (tmp_path / "set" / split / name).mkdir(parents=True)
            for i in range(count // 3 if split == "test" else 5):
                n, width, height = 200, *(rng.integers(4, 12, 2) if i else (13, 12))
                np.savez(tmp_path / "set" / split / name / f"{i}.npz", t=np.sort(rng.integers(0, 9999, n)),
                         x=rng.integers(0, width, n), y=rng.integers(0, height, n), p=rng.integers(0, 2, n))
    result = run(spikemix, "train", folder / "tiny.toml", "--data", tmp_path / "set", "--out", tmp_path / "run",
                 "train.epochs=1", "train.warmup_epochs=0")
    assert result.returncode == 0, result.stderr
    shutil.copytree(tmp_path / "set" / "train", tmp_path / "other" / "test",
                    ignore=lambda _, names: [name for name in names if name == "0.npz"])
    files = sorted((tmp_path / "other" / "test").glob("*/*.npz"))

    def logits(*arguments):
        result = run(spikemix, "predict", *arguments, "--model", tmp_path / "run", "--json")
        assert result.returncode == 0, result.stderr
        return {pathlib.Path(r["file"]).as_posix()[-12:]: r["logits"] for r in json.loads(result.stdout)}

    alone = logits(*files)
    assert len(alone) == 12 and alone == logits("--data", tmp_path / "other", "--images", 12)
    assert alone == logits(tmp_path / "other")  # a folder
    for file in files[:2]:
        piped = subprocess.run([str(spikemix), "predict", "-", "--model", str(tmp_path / "run"), "--json"],
                               stdin=file.open("rb"), capture_output=True, timeout=60)
        assert json.loads(piped.stdout)[0]["logits"] == alone[file.as_posix()[-12:]]


def test_stream_says_what_is_wrong(spikemix, trained, tmp_path):
    folder, _ = trained
    file = folder / "set" / "test" / "high" / "22.npz"
    (tmp_path / "there").write_text("")
    damaged = tmp_path / "a.aedat"
    damaged.write_bytes(aedat3(500)[:-3])
    for arguments, message in [(["--realtime", "--max-speed"], "expected one of them"),
                               (["--step-us", 5, "--step-events", 5], "expected one of them"),
                               (["--step-us", 0], "--step-us")]:
        wrong = run(spikemix, "stream", file, "--model", folder / "run", *arguments)
        assert wrong.returncode == 2 and message in wrong.stderr, wrong.stderr
    for source, message in [(f"unix:{tmp_path / 'there'}", "cannot make a socket there"),
                            ("unix:", "expected a path"), (tmp_path / "none", "no such file"),
                            (damaged, "a.aedat, byte ")]:
        wrong = run(spikemix, "stream", source, "--model", folder / "run", "--max-speed", "--size", "16x16")
        assert wrong.returncode == 2 and message in wrong.stderr and wrong.stderr.count("\n") == 1, wrong.stderr


def test_malformed_data_sets_get_one_line(spikemix, tmp_path):
    folder = tmp_path / "gesture"
    folder.mkdir()
    for name in ("user01_led", "user02_led"):
        (folder / f"{name}.aedat").write_bytes(aedat3(500))
        (folder / f"{name}_labels.csv").write_text("class,startTime_usec,endTime_usec\n1,0,30000\n2,30000,50000\n")
    (folder / "trials_to_train.txt").write_text("user01_led.aedat\n")
    (folder / "trials_to_test.txt").write_text("user02_led.aedat\n")
    good = run(spikemix, "data", "info", folder)
    assert good.returncode == 0 and "train: 2 recordings, 128 x 128 pixels" in good.stdout, good.stderr
    csv = folder / "user02_led_labels.csv"
    for damage, message in [(lambda: csv.write_text("class,startTime_usec,endTime_usec\n1,0,30000\n12,0,9\n"),
                             "user02_led_labels.csv:3: class 12, expected 1 to 11"),
                            (csv.unlink, "user02_led_labels.csv: no such file"),
                            (lambda: (folder / "user01_led.aedat").write_bytes(aedat3(500)[:-3]),
                             "user01_led.aedat, byte "),
                            ((folder / "trials_to_test.txt").unlink, "trials_to_test.txt: no such file")]:
        damage()
        if "byte" in message:  # the tables are read first
            csv.write_text("1,0,30000\n")
        wrong = run(spikemix, "data", "info", folder)
        assert wrong.returncode == 2 and wrong.stdout == "", wrong.stderr
        assert message in wrong.stderr and wrong.stderr.count("\n") == 1, wrong.stderr


def test_killed_while_it_builds_the_cache(spikemix, own_cache):
    archive = data_at("events", "nmnist-1k.tar.xz")
    command = [str(spikemix), "data", "info", str(archive), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not list(own_cache.glob("*.partial")):
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not list(own_cache.glob("*.events"))
    whole = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert whole.returncode == 0, whole.stderr
    cache = sorted(own_cache.iterdir())
    assert [file.suffix for file in cache] == [".events", ".lock"]
    splits = json.loads(whole.stdout)["splits"]
    assert [sum(split["class_counts"]) for split in splits] == [1000, 100]
    # Two at once make it only once, and agree.
    cache[0].unlink()
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in both] == [whole.stdout] * 2

