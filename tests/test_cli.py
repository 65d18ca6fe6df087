# SPDX-License-Identifier: MIT
"""The program as a user meets it: commands, JSON, and one clear line for everything that is wrong."""
import json
import os
import shutil
import subprocess

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

import tiny
from terminal import answer_in_terminal, columns_of
from tiny import RECIPE, make_place, metrics, run


@pytest.fixture(scope="module")
def trained(spikemix, tmp_path_factory):
    """A finished run of a tiny model on tiny data."""
    folder = tmp_path_factory.mktemp("trained")
    make_place(folder, train=128, test=40)
    return folder, json.loads(tiny.trained(spikemix, folder, folder / "run", "--json").stdout)


def assert_refused(result, *parts):
    """Exit code 2, nothing on stdout, three lines at most on stderr, and they say what is wrong."""
    assert result.returncode == 2, (result.returncode, result.stderr)
    assert result.stdout == ""
    assert 1 <= len(result.stderr.strip().splitlines()) <= 3, result.stderr
    for part in parts:
        assert part in result.stderr, result.stderr


def test_train_prints_its_summary(trained):
    folder, summary = trained
    assert summary["mixer"] == ["fft2d"]
    assert summary["parameters"] > 0
    assert summary["best_top1"] >= summary["last_top1"] >= 0
    assert summary["train_images_per_second"] > 0
    assert json.loads((folder / "run" / "summary.json").read_text())["best_top1"] == summary["best_top1"]


def test_run_folder_records_every_effective_value(trained):
    folder, _ = trained
    record = json.loads((folder / "run" / "config.json").read_text())
    assert record["config"]["train"]["lr"] == 0.004
    # lr_batch = 32 and a batch of 16: half the learning rate, and the record says so
    assert record["effective"]["peak_learning_rate"] == pytest.approx(0.002)
    assert record["effective"]["steps_per_epoch"] == 128 // 16
    assert record["effective"]["threads"] >= 1
    assert {"spikemix", "torch", "git_commit", "processor"} <= record["environment"].keys()
    epochs = metrics(folder / "run", "epoch")
    assert [line["epoch"] for line in epochs] == [0, 1, 2]
    assert all(line["test_top1"] >= 0 and line["train_loss"] > 0 for line in epochs)


def test_profile_says_where_the_time_goes_and_keeps_nothing(spikemix, trained, tmp_path):
    folder, _ = trained
    result = run(spikemix, "train", folder / "tiny.toml", "--data", folder / "data", "--profile", "--json",
                 cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    profile = json.loads(result.stdout)
    assert not list(tmp_path.iterdir())
    rows = {(row["layer"], row["operator"]): row for row in profile["rows"]}
    assert rows["block.1.mlp.fc2", "dW, spikes"]["density"] < 0.35 <= rows["block.1.mlp.fc2", "dX"]["density"]
    assert ("block.0.mlp.fc1", "neurons, backward") in rows and ("step", "optimiser") in rows
    assert 0.5 < sum(row["share"] for row in profile["rows"]) <= 1.01  # the rest is LibTorch's own bookkeeping
    assert profile["ms_per_step"] > 0 and all(limit > 0 for limit in profile["limits"].values())

    table = run(spikemix, "train", folder / "tiny.toml", "--data", folder / "data", "--profile", cwd=tmp_path)
    assert "everything else" in table.stdout and "images/s" in table.stdout
    same = run(spikemix, "bench", "--train", "--layers", folder / "tiny.toml", "train.batch=8", "--data",
               folder / "data", "--json", cwd=tmp_path)
    assert {(row["layer"], row["operator"]) for row in json.loads(same.stdout)["rows"]} == set(rows), same.stderr
    assert_refused(run(spikemix, "bench", "--train", folder / "run"), "--train: takes a recipe")
    bench = [spikemix, "bench", "--train", folder / "tiny.toml", "--data", folder / "data"]
    assert_refused(run(*bench, "--format", "idxx"), "data format 'idxx'", "did you mean 'idx'?")
    assert_refused(run(*bench, "--threads", "-1"), "--threads")


def test_find_batch(spikemix, trained, tmp_path):
    folder, _ = trained
    find = [spikemix, "train", folder / "tiny.toml", "--data", folder / "data", "--find-batch", "--json"]
    everything = run(*find, cwd=tmp_path)
    assert everything.returncode == 0, everything.stderr
    answer = json.loads(everything.stdout)
    assert answer["batch"] == 128, "memory for more than the data set holds"
    assert answer["images_per_second"] > 0 and not list(tmp_path.iterdir())

    # A larger network, and a budget between what a small batch and all images take: memory decides.
    larger = ["model.height=32", "model.width=32"]

    def measured(*settings):
        return {p["batch"]: p["peak_memory_bytes"] for p in json.loads(run(*find, *larger, *settings).stdout)["tried"]}

    peaks = measured()
    all_steps, one_step_first = (max(measured("model.T=4", f"train.one_step_epochs={n}").values()) for n in [0, 9])
    assert one_step_first > 0.9 * all_steps, "the epochs with all time steps must fit"
    budget = (min(peaks.values()) + max(peaks.values())) // 2
    answer = json.loads(run(*find, *larger, "--memory", budget).stdout)
    assert 8 <= answer["batch"] < 128 and answer["peak_memory_bytes"] <= budget
    assert all(p["fits"] == (p["peak_memory_bytes"] <= budget) for p in answer["tried"])
    assert sum(not p["fits"] for p in answer["tried"]) <= len(answer["tried"]) // 2, "memory is linear in the batch"

    assert_refused(run(*find, "--memory", "1MB"), "--find-batch: train.batch=1 takes", "the budget is 0.00 GB")
    for nonsense in ["much", "-1", "0"]:
        assert_refused(run(*find, "--memory", nonsense), "--memory")
    assert_refused(run(*find, "--profile"), "--find-batch", "--profile")
    for flag in ["--threads", "--seed"]:
        assert_refused(run(*find, flag, "-1"), flag)
    ranks = {**os.environ, "RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
    assert_refused(run(*find, env=ranks), "--find-batch: looks into one process")


def test_eval_agrees_with_the_run(spikemix, trained):
    folder, summary = trained
    result = run(spikemix, "eval", folder / "run", "--json")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["top1"] == pytest.approx(summary["best_top1"])
    assert answer["images"] == 40
    assert answer["images_per_second"] > 0


def test_confusion(spikemix, trained):
    """Against what predict says of each image."""
    folder, _ = trained
    answers = json.loads(run(spikemix, "predict", "--model", folder / "run", "--images", 40, "--json").stdout)
    expected = np.zeros((10, 10), int)
    for a in answers:
        expected[int(a["truth"]), int(a["label"])] += 1
    result = json.loads(run(spikemix, "eval", folder / "run", "--confusion", "--json").stdout)
    assert result["confusion"] == expected.tolist() and expected.sum() == 40
    assert [c["name"] for c in result["classes"]] == [str(i) for i in range(10)]
    assert [c["images"] for c in result["classes"]] == [4] * 10
    np.testing.assert_allclose([c["top1"] for c in result["classes"]], 100 * expected.diagonal() / 4)
    assert result["top1"] == pytest.approx(100 * expected.trace() / 40)

    lines = answer_in_terminal(spikemix, "eval", folder / "run", "--confusion")
    rows = [line.split() for line in lines if line.endswith(" %")]
    assert [[int(n) for n in row[2:12]] for row in rows] == expected.tolist()
    assert [float(row[12]) for row in rows] == pytest.approx(100 * expected.diagonal() / 4)
    assert all(columns_of(line) <= 80 for line in lines[1:])  # behind the sentence with the run's name
    early = json.loads(run(spikemix, "eval", folder / "run", "--confusion", "--exit-confidence", 1, "--json").stdout)
    assert early["confusion"] == expected.tolist()
    assert "confusion" not in json.loads(run(spikemix, "eval", folder / "run", "--json").stdout)


def test_confusion_of_many_classes(spikemix, tmp_path):
    """More than a matrix can show: each class's accuracy and the commonest mistakes, a line each."""
    rng = np.random.default_rng(0)
    for i in range(25):
        for split in ["train", "test"]:
            for image in range(2):
                file = tmp_path / "data" / split / f"class {i:02}" / f"{image}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(file)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    made = run(spikemix, "train", tmp_path / "tiny.toml", "--data", tmp_path / "data", "--out", tmp_path / "run",
               "model.classes=0", "train.epochs=1", "train.warmup_epochs=0")
    assert made.returncode == 0, made.stderr
    lines = run(spikemix, "eval", tmp_path / "run", "--confusion").stdout.splitlines()
    classes = [line for line in lines if line.endswith(" %") and " class " in line]
    assert [line.split()[:3] for line in classes] == [[str(i), "class", f"{i:02}"] for i in range(25)]
    matrix = np.array(json.loads(run(spikemix, "eval", tmp_path / "run", "--confusion", "--json").stdout)["confusion"])
    mistakes = lines[lines.index("the commonest mistakes:") + 1:]
    largest = sorted((matrix - np.diag(matrix.diagonal())).ravel(), reverse=True)[:len(mistakes)]
    assert [int(line.split()[-3]) for line in mistakes] == largest and min(largest) > 0


def test_info_of_model_run_and_recipe(spikemix, trained):
    folder, summary = trained
    for path in [folder / "run", folder / "run" / "last" / "model.safetensors", folder / "tiny.toml"]:
        answer = json.loads(run(spikemix, "info", path, "--json").stdout)
        assert answer["parameters"] == summary["parameters"]
    published = json.loads(run(spikemix, "info", "cifar10", "model.mixer=ssa", "--json").stdout)
    assert published["parameters"] == 9_324_730
    published = json.loads(run(spikemix, "info", "cifar10-dvs", "model.mixer=ssa", "--json").stdout)
    assert published["parameters"] == 2_566_666


def test_model_file_is_a_plain_safetensors_file(spikemix, trained):
    folder, summary = trained
    tensors = safetensors.numpy.load_file(folder / "run" / "best" / "model.safetensors")
    info = json.loads(run(spikemix, "info", folder / "run", "--json").stdout)
    assert {t["name"]: t["shape"] for t in info["tensors"]} == {n: list(t.shape) for n, t in tensors.items()}
    assert sum(t["learned"] * int(np.prod(t["shape"])) for t in info["tensors"]) == summary["parameters"]


def test_predict(spikemix, trained, tmp_path):
    folder, _ = trained
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a picture.png")
    Image.fromarray(rgb).save(tmp_path / "b.jpg")
    files = [str(tmp_path / "a picture.png"), str(tmp_path / "b.jpg")]
    result = run(spikemix, "predict", "--model", folder / "run", "--json", *files)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert [a["file"] for a in answer] == files
    for a in answer:
        logits = np.array(a["logits"])
        softmax = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert a["probability"] == pytest.approx(softmax.max(), abs=1e-5)
        assert a["label"] == str(logits.argmax())
    shown = run(spikemix, "predict", "--model", folder / "run", *files).stdout
    assert "%" in shown and "a picture.png" in shown
    from_data = json.loads(run(spikemix, "predict", "--model", folder / "run", "--images", 3, "--json").stdout)
    assert len(from_data) == 3 and all("truth" in a for a in from_data)


def test_predict_reads_standard_input_and_folders(spikemix, trained, tmp_path):
    folder, _ = trained
    model = ["--model", folder / "run", "--json"]
    pictures = tmp_path / "pictures"
    (pictures / "deeper").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ["b.png", "a.png", "deeper/c.png"]:
        Image.fromarray(rng.integers(0, 256, (20, 30), np.uint8)).save(pictures / name)
    (pictures / "notes.txt").write_text("not a picture")
    (pictures / "broken.png").write_bytes((pictures / "a.png").read_bytes()[:99])
    (pictures / "gone.png").symlink_to(pictures / "nowhere.png")
    (pictures / "deeper" / "up").symlink_to(pictures)  # each file once
    result = run(spikemix, "predict", pictures, *model)
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout)
    assert [a["file"] for a in answers] == [str(pictures / name) for name in ["a.png", "b.png", "deeper/c.png"]]
    for part in ["skipped: " + str(pictures / "notes.txt"), "broken.png: damaged PNG", "gone.png: a link",
                 "skipped 3 of 6 files"]:
        assert part in result.stderr
    with (pictures / "b.png").open("rb") as file:
        piped = subprocess.run([str(a) for a in [spikemix, "predict", "-", *model]], stdin=file, capture_output=True)
    assert json.loads(piped.stdout) == [{**answers[1], "file": "standard input"}]
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    assert_refused(run(spikemix, "predict", tmp_path / "empty", *model), "empty: holds no files")
    assert "skipped 1 of 1 files: nothing to predict" in run(spikemix, "predict", tmp_path / "texts", *model).stderr
    assert_refused(run(spikemix, "predict", "-", "-", *model), "can be read once")


def test_every_command_knows_the_built_in_model(spikemix, trained, tmp_path):
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.png")
    default = run(spikemix, "predict", tmp_path / "a.png", "--json")
    assert default.returncode == 0, default.stderr
    assert run(spikemix, "predict", tmp_path / "a.png", "--model", "builtin", "--json").stdout == default.stdout
    assert len(json.loads(run(spikemix, "info", "builtin", "--json").stdout)["classes"]) == 10
    for command in [["eval", "builtin"], ["bench", "builtin"], ["predict"], ["predict", "--model", "builtin"]]:
        assert_refused(run(spikemix, *command), "the built-in model: does not bring its data; give --data DIR")
    assert_refused(run(spikemix, "export", "builtin", "-o", tmp_path / "b.safetensors"), "built-in", "integers already")
    assert_refused(run(spikemix, "stream", tmp_path / "a.png", "--model", "builtin"), "takes images")
    assert_refused(run(spikemix, "eval", "builtin", "--engine", "torch", "--data", tmp_path), "built-in")


def test_mixers(spikemix):
    listed = json.loads(run(spikemix, "mixers", "--json").stdout)
    names = [m["name"] for m in listed]
    assert names == ["ssa", "fft1d", "fft2d", "wt1d", "wt2d", "dwt-c", "fwt-c", "hartley", "dct", "hadamard", "gated",
                     "avgpool3", "maxpool3", "dwc3", "dwc5", "dwc7", "fatm", "qk-token", "qk-channel", "sdsa1",
                     "random", "identity"]
    by_name = {m["name"]: m for m in listed}
    assert by_name["wt1d"]["additions"] < by_name["fft2d"]["additions"] < by_name["ssa"]["additions"]
    # 49 tokens: hadamard says why not, the others still stand there
    listed = json.loads(run(spikemix, "mixers", "--height", 7, "--width", 7, "--json").stdout)
    assert "49" in next(m for m in listed if m["name"] == "hadamard")["refuses"]


def test_every_command_explains_itself(spikemix):
    assert run(spikemix, "--version").stdout.startswith("spikemix 0.")
    overview = run(spikemix, "--help").stdout
    for command in ["train", "resume", "eval", "predict", "info", "mixers", "data", "import", "compare", "recipes"]:
        assert command in overview
        result = run(spikemix, command, "--help")
        assert result.returncode == 0 and len(result.stdout) > 100


def test_recipes(spikemix):
    listed = run(spikemix, "recipes").stdout
    for name in ["cifar10", "cifar100", "cifar10-dvs", "dvs128-gesture", "cifar10-small", "demo"]:
        assert f" {name} " in listed
    assert "train.lr " in run(spikemix, "recipes", "--keys").stdout
    assert json.loads(run(spikemix, "recipes", "cifar10", "--json").stdout)["train"]["epochs"] == 300


@pytest.mark.parametrize("arguments, parts", [
    (["trian"], ["did you mean 'train'?"]),
    (["train", "cifar11"], ["did you mean 'cifar10'?"]),
    (["train", "no/such.toml"], ["no/such.toml"]),
    (["train", "demo", "--dat", "x"], ["--dat", "--data"]),
    (["train", "demo", "--data", "/no/such/folder"], ["/no/such/folder"]),
    (["train", "demo", "train.lrr=1"], ["train.lrr", "did you mean 'train.lr'?"]),
    (["train", "demo", "--data", "/", "model.mixer=hadamrd"], ["hadamrd", "did you mean 'hadamard'?"]),
    (["info", "demo", "model.mixer=hadamard"], ["49"]),
    (["info", "demo", "model.embed_dim=100"], ["model.embed_dim = 100", "multiple of 8"]),
    (["info", "demo", "model.mixer=ssa", "model.heads=5"], ["heads", "64"]),
    (["info", "demo", "model.mixer=fatm", "model.embed_dim=72"], ["model.mixer, fatm: 72 channels", "its 16 groups"]),
    (["info", "demo", "model.mixer=fatm", "model.height=4"], ["model.mixer, fatm: 1 x 7 tokens", "2 or more rows"]),
    (["info", "missing.safetensors"], ["missing.safetensors"]),
    (["info", "/"], ["/"]),
    (["eval", "missing.safetensors"], ["missing.safetensors"]),
    (["predict", "x.png"], ["x.png"]),
    (["resume", "/no/such/run"], ["/no/such/run"]),
    (["compare", "/no/such/run"], ["/no/such/run"]),
    (["data", "info", "/no/such/data"], ["/no/such/data"]),
    (["import", "/no/such/file.pth"], ["/no/such/file.pth"]),
    (["events", "info", "x.raw", "--truncate"],
     ["events info: unknown flag", "did you mean '--truncated'?", "`spikemix events info --help`"]),
    (["events", "inf", "x.raw"], ["events: no command 'inf'", "did you mean 'info'?", "`spikemix events --help`"]),
    (["data", "info", "x", "--skipbad", "1"], ["data info: unknown flag", "did you mean '--skip-bad'?"]),
    (["eval", "builtin", "--data", "/", "--size", "0x0"], ["--size '0x0'", "WIDTHxHEIGHT"]),
    (["predict", "x.png", "--time-unit", "hours"], ["--time-unit 'hours'"]),
    (["eval", "builtin", "--data", "/", "--exit-confidence", "nan"], ["--exit-confidence", "nan"]),
    (["events", "simulate", "x.png", "o.aedat", "--duration", "inf"], ["--duration", "inf"]),
    (["bench", "builtin", "--data", "/", "--batch", "99999999999"], ["--batch", "99999999999"]),
    (["eval", "builtin", "--data", "/", "--batch", "9223372036854775807"], ["--batch"]),
    (["report", "builtin", "--size", "0x0", "-o", "x.html"], ["--size '0x0'", "WIDTHxHEIGHT"]),
    (["report", "builtin", "--images", "0", "-o", "x.html"], ["--images: 0: must be more than 0"]),
    (["eval", "builtin", "--data", "/", "--images", "-1"], ["--images: -1: must not be negative"]),
    (["events", "info", "x.raw", "--nosuch"], ["events info: unknown flag '--nosuch'", "--time-unit"]),
])
def test_wrong_input_is_said_in_one_line(spikemix, tmp_path, arguments, parts):
    assert_refused(run(spikemix, *arguments, cwd=tmp_path), *parts)
    assert list(tmp_path.iterdir()) == []  # nothing half-made is left


@pytest.mark.parametrize("command", ["eval", "bench"])
def test_a_batch_far_beyond_the_data(spikemix, trained, command):
    folder, _ = trained
    assert_refused(run(spikemix, command, folder / "run", "--batch", 100_000), "--batch 100000", "images")
    assert run(spikemix, command, folder / "run", "--batch", 1000, "--json").returncode == 0


def test_damaged_files_are_named(spikemix, trained, tmp_path):
    folder, _ = trained
    model = (folder / "run" / "best" / "model.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(model[:-100])
    assert_refused(run(spikemix, "info", cut), "cut.safetensors")
    assert_refused(run(spikemix, "eval", cut, "--data", folder / "data"), "cut.safetensors")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but not really")
    assert_refused(run(spikemix, "predict", "--model", folder / "run", tmp_path / "broken.png"), "broken.png")
    assert_refused(run(spikemix, "predict", "--model", folder / "run", tmp_path / "none.png"), "none.png")


def test_flags_that_change_nothing_are_refused(spikemix, trained, tmp_path):
    folder, _ = trained
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "a.png")
    export = [spikemix, "export", folder / "run", "-o", tmp_path / "c.safetensors"]
    for flag in [["--tolerance", "0.5"], ["--images", "5"], ["--skip-bad", "5"], ["--format", "idx"], ["--size", "5x5"],
                 ["--time-unit", "s"]]:
        assert_refused(run(*export, *flag), flag[0], "--calibrate")
    assert_refused(run(*export, "--calibrate", folder / "data", "--size", "5x5"),
                   "--size: changes nothing with a model of images")
    assert not (tmp_path / "c.safetensors").exists()
    predict = [spikemix, "predict", "--model", folder / "run"]
    for flag in [["--data", "nosuch"], ["--images", "5"], ["--format", "idx"]]:
        assert_refused(run(*predict, tmp_path / "a.png", *flag), f"{flag[0]}: changes nothing with FILE")
    for flag in [["--size", "5x5"], ["--time-unit", "s"], ["--truncated"], ["--unordered"]]:
        assert_refused(run(*predict, tmp_path / "a.png", *flag), f"{flag[0]}: changes nothing with a model of images")
    assert_refused(run(*predict, "--truncated"), "--truncated", "FILE")
    assert_refused(run(*predict, "--format", "idx"), "--format: changes nothing with a run's own data")
    assert_refused(run(spikemix, "count", folder / "run", "--format", "idx"), "--format", "--data")
    assert_refused(run(spikemix, "count", folder / "run", "--size", "5x5"), "--size: changes nothing with a model of")
    assert_refused(run(spikemix, "count", "demo", "--images", "5"), "--images: changes nothing with a recipe")
    for command in ["eval", "bench"]:
        assert_refused(run(spikemix, command, folder / "run", "--size", "5x5"), "--size: changes nothing with a model")
        assert_refused(run(spikemix, command, folder / "run", "--format", "idx"), "--format")
    recipe, data = folder / "tiny.toml", ["--data", folder / "data"]
    for words in [["--train", recipe, *data], ["--scaling", recipe], [recipe, *data]]:
        for flag in ["--images", "--batch", "--skip-bad"]:
            assert_refused(run(spikemix, "bench", *words, flag, "5"), f"{flag}: changes nothing with")


def test_skip_bad_holds_for_named_files(spikemix, trained, tmp_path):
    folder, _ = trained
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(good)
    bad.write_bytes(good.read_bytes()[:40])
    predict = [spikemix, "predict", "--model", folder / "run", "--json"]
    result = run(*predict, bad, good, "--skip-bad", 1)
    assert result.returncode == 0 and [a["file"] for a in json.loads(result.stdout)] == [str(good)], result.stderr
    assert f"skipped: {bad}" in result.stderr and "skipped 1 of 2 files" in result.stderr
    assert_refused(run(*predict, bad, good), "bad.png")
    assert_refused(run(*predict, bad, good, bad, "--skip-bad", 1), "bad.png")
    assert_refused(run(*predict, bad, "--skip-bad", 1), "skipped 1 of 1 files: nothing to predict")


@pytest.mark.parametrize("value", [3e38, -3e38])
def test_a_weight_that_makes_no_probability_is_refused(spikemix, trained, tmp_path, value):
    folder, _ = trained
    original = folder / "run" / "best" / "model.safetensors"
    tensors = safetensors.numpy.load_file(original)
    with safetensors.safe_open(original, "np") as file:
        metadata = file.metadata()
    tensors["head.weight"][0, 0] = value
    huge = tmp_path / "huge.safetensors"
    safetensors.numpy.save_file(tensors, huge, metadata)
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "a.png")
    for arguments in [["predict", "--model", huge, tmp_path / "a.png"], ["eval", huge, "--data", folder / "data"],
                      ["predict", "--engine", "torch", "--model", huge, tmp_path / "a.png"]]:
        assert_refused(run(spikemix, *arguments), "huge.safetensors: tensor 'head.weight' holds", "expected up to")


def test_a_model_under_another_name_is_not_taken_for_a_recipe(spikemix, trained, tmp_path):
    folder, _ = trained
    shutil.copy(folder / "run" / "best" / "model.safetensors", tmp_path / "model.bin")
    for command in ["info", "count"]:
        assert_refused(run(spikemix, command, tmp_path / "model.bin"), "model.bin: is not text, expected a recipe",
                       "a model's name ends in .safetensors")


def test_wrong_tensors_are_named(spikemix, trained, tmp_path):
    folder, _ = trained
    source = folder / "run" / "best" / "model.safetensors"
    tensors = safetensors.numpy.load_file(source)
    with safetensors.safe_open(source, "numpy") as f:
        metadata = f.metadata()
    tensors["block.0.attn.bn.weight"] = np.ones(7, np.float32)
    del tensors["head.bias"]
    tensors["made.up"] = np.ones(1, np.float32)
    wrong = tmp_path / "wrong.safetensors"
    safetensors.numpy.save_file(tensors, wrong, metadata)
    assert_refused(run(spikemix, "eval", wrong, "--data", folder / "data"),
                   "block.0.attn.bn.weight", "[7]", "[32]", "head.bias", "made.up")


def test_train_refuses_to_overwrite_a_run(spikemix, trained):
    folder, _ = trained
    again = run(spikemix, "train", folder / "tiny.toml", "--data", folder / "data", "--out", folder / "run")
    assert_refused(again, "holds a run already")
    assert_refused(run(spikemix, "resume", folder / "run"), "done", "train.epochs=N")


def test_training_names_its_folder_first(spikemix, trained, tmp_path):
    folder, _ = trained
    short = [spikemix, "train", folder / "tiny.toml", "--data", folder / "data", "train.epochs=1",
             "train.warmup_epochs=0", "data.train_images=16", "data.test_images=10"]
    assert run(*short, cwd=tmp_path).stderr.splitlines()[0] == "run folder: runs/tiny"
    second = run(*short, cwd=tmp_path)
    assert second.stderr.splitlines()[0] == "run folder: runs/tiny-2 (runs/tiny holds an earlier run)"
    (tmp_path / "runs" / "tiny-2" / "summary.json").rename(tmp_path / "summary.json")
    third = run(*short, cwd=tmp_path)
    assert third.stderr.splitlines()[0] == ("run folder: runs/tiny-3 (runs/tiny-2 holds an earlier run; "
                                            "`spikemix resume runs/tiny-2` goes on with that)")
    assert run(*short, "--out", "mine", cwd=tmp_path).stderr.splitlines()[0] == "run folder: mine"
    # what a user does next stands there with that folder, and works
    next_commands = [line.split()[1:] for line in second.stderr.splitlines() if line.startswith("  spikemix ")]
    assert [c[0] for c in next_commands] == ["eval", "predict"] and all("runs/tiny-2" in c for c in next_commands)
    for command in next_commands:
        assert run(spikemix, *command, cwd=tmp_path).returncode == 0, command


def test_compare(spikemix, trained):
    folder, summary = trained
    table = run(spikemix, "compare", f"{folder / 'run'}/").stdout
    assert "fft2d" in table and str(summary["parameters"]) in table
    assert table.splitlines()[2].split()[:3] == ["run", "fft2d", "0"], "run, mixer, seed"
    compared = json.loads(run(spikemix, "compare", folder / "run", "--json").stdout)
    assert compared["runs"][0]["best_top1"] == summary["best_top1"]


def finished(folder, summary, **values):
    """A run folder that holds what compare reads."""
    folder.mkdir(parents=True)
    summary = {**summary, **values}
    (folder / "config.json").write_text(json.dumps({"config": {"name": "x", "model": {"mixer": summary["mixer"]}}}))
    (folder / "summary.json").write_text(json.dumps(summary))


def test_compare_fits_a_terminal(spikemix, trained, tmp_path):
    _, summary = trained
    large = {"parameters": 66_342_314, "train_images_per_second": 123456.7, "test_images_per_second": 234567.8,
             "peak_memory_bytes": 1234567e6, "seed": 1234, "best_top1": 100.0, "last_top1": 100.0}
    names = ["a", "b" * 40, "größe-und-maß-der-dinge-und-noch-mehr", "猫と犬と鳥の写真を見分ける"]
    mixers = [["fft2d"], ["wt2d:wavelet=db4:levels=3", "ssa", "identity", "fft1d"], ["ssa"], ["ssa"]]
    for name, mixer in zip(names, mixers):
        finished(tmp_path / name, summary, mixer=mixer, **large)
    for group in [names, names[:1], names[1:2]]:
        command = [spikemix, "compare", *[tmp_path / name for name in group]]
        for wide in [80, 100, 40]:
            lines = answer_in_terminal(*command, columns=wide)[:2 + len(group)]  # then the groups
            assert {columns_of(line) for line in lines[1:]} == {len(lines[1])} and len(lines[1]) <= max(80, wide), lines
        text = run(*command).stdout  # to a file or a pipe
        assert all(name in text for name in group) and "…" not in text
        assert all(",".join(mixer) in text for name, mixer in zip(names, mixers) if name in group)
    finished(tmp_path / "x" / "a", summary)
    both = run(spikemix, "compare", "a", "x/a", cwd=tmp_path).stdout
    runs, _, _ = both.partition("\n\n")  # then both seeds as a group
    lines = runs.splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["a", "x/a"], "names that are not unique are whole paths"


def test_compare_names_what_it_leaves_out(spikemix, trained, tmp_path):
    folder, summary = trained
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.json").write_text("{}")
    (tmp_path / "no-run").mkdir()
    finished(tmp_path / "other", {"mixer": "fft2d"})
    finished(tmp_path / "no-number", summary, best_top1=None)
    finished(tmp_path / "cut", summary)
    (tmp_path / "cut" / "summary.json").write_text('{"mixer": ["fft')
    left_out = ["begun", "no-run", "other", "no-number", "cut"]
    result = run(spikemix, "compare", *left_out, folder / "run", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert [r["run"] for r in json.loads(result.stdout)["runs"]] == [str(folder / "run")]
    lines = result.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == left_out
    assert "`spikemix resume begun`" in lines[0] and "config.json" in lines[1] and "summary.json" in lines[2]
    nothing = run(spikemix, "compare", "begun", "no-run", cwd=tmp_path)
    assert nothing.returncode == 2 and "none of these 2" in nothing.stderr
    assert_refused(run(spikemix, "compare", folder / "run", "no-such-run", cwd=tmp_path), "no-such-run")


@pytest.mark.parametrize("record", ["{}", "[]", "1", '{"config": 1}', '{"config": {}}'])
def test_compare_wants_a_whole_record(spikemix, trained, tmp_path, record):
    folder, summary = trained
    finished(tmp_path / "other", summary)
    (tmp_path / "other" / "config.json").write_text(record)
    result = run(spikemix, "compare", tmp_path / "other", folder / "run", "--json")
    assert result.returncode == 0 and "its config.json is damaged" in result.stderr, result.stderr
    assert [r["run"] for r in json.loads(result.stdout)["runs"]] == [str(folder / "run")]


@pytest.mark.parametrize("values", [
    {"seed": 1e308}, {"seed": -1}, {"seed": 2**63}, {"parameters": 1e308}, {"parameters": -1}, {"best_epoch": 1e308},
    {"best_top1": 100.1}, {"best_top1": -0.1}, {"last_top1": 1e308}, {"peak_memory_bytes": -1},
    {"train_images_per_second": 1e300}], ids=str)
def test_compare_leaves_out_impossible_numbers(spikemix, trained, tmp_path, values):
    folder, summary = trained
    finished(tmp_path / "other", summary, **values)
    result = run(spikemix, "compare", tmp_path / "other", folder / "run", "--json")
    assert result.returncode == 0 and "its summary.json is damaged" in result.stderr, result.stderr
    assert [r["run"] for r in json.loads(result.stdout)["runs"]] == [str(folder / "run")]


@pytest.mark.parametrize("flag, value, setting", [
    ("--data", "data", "data.dir=nosuch"), ("--seed", "1", "train.seed=2"), ("--threads", "1", "train.threads=2"),
    ("--device", "cpu", "train.device=cuda"), ("--size", "34x34", "data.sensor=128x128"),
    ("--time-unit", "us", "data.time_unit=ms")])
def test_a_flag_and_its_key_do_not_win_in_silence(spikemix, trained, tmp_path, flag, value, setting):
    folder, _ = trained
    for words in ([flag, value, setting], [setting, flag, value]):
        result = run(spikemix, "train", folder / "tiny.toml", *words, "--out", tmp_path / "run", cwd=folder)
        assert_refused(result, f"{flag} {value} and {setting}: expected one of them")
        assert not (tmp_path / "run").exists()


def test_a_flag_and_its_key_may_say_the_same(spikemix, trained, tmp_path):
    folder, _ = trained
    result = run(spikemix, "train", folder / "tiny.toml", "--data", "data", "data.dir=data", "--seed", 1,
                 "train.seed=1", "--threads", 1, "train.threads=1", "train.epochs=1", "train.warmup_epochs=0", "--out",
                 tmp_path / "run", cwd=folder)
    assert result.returncode == 0, result.stderr


def test_eval_of_a_few_images_keeps_the_answers_of_a_run(spikemix, trained, tmp_path):
    folder, _ = trained
    for inside in ["best/test_answers.safetensors", "last/test_answers.safetensors", "best/new.safetensors",
                   "new.safetensors"]:
        answers = folder / "run" / inside
        before = answers.read_bytes() if answers.exists() else None
        result = run(spikemix, "eval", folder / "run", "--images", 20, "--answers", answers)
        assert_refused(result, "--images 20", f"--answers {answers}", str(folder / "run"))
        assert (answers.read_bytes() if answers.exists() else None) == before
    elsewhere = run(spikemix, "eval", folder / "run", "--images", 20, "--answers", tmp_path / "few.safetensors")
    assert elsewhere.returncode == 0, elsewhere.stderr


def test_exit_confidence_of_nothing_takes_one_step(spikemix, trained):
    folder, _ = trained
    result = run(spikemix, "eval", folder / "run", "--exit-confidence", 0, "--json")
    assert result.returncode == 0 and json.loads(result.stdout)["mean_steps"] == 1, result.stderr


def test_quiet_stdout_with_json(spikemix, trained):
    folder, _ = trained
    for arguments in [["info", folder / "run"], ["mixers"], ["eval", folder / "run"],
                      ["data", "info", folder / "data"]]:
        json.loads(run(spikemix, *arguments, "--json").stdout)


def test_program_without_a_command(spikemix):
    result = subprocess.run([spikemix], capture_output=True, text=True)
    assert result.returncode == 2
    assert "--help" in result.stderr
