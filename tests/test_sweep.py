# SPDX-License-Identifier: MIT
"""`spikemix sweep` drops no run, whatever is killed; its statistics, and those of `compare`, are SciPy's."""
import json
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
import safetensors.numpy
from safetensors.numpy import load_file
from scipy import optimize, stats

import tiny
from terminal import answer_in_terminal, columns_of
from test_event_data import write_recording
from tiny import make_place, run

SWEEP = """
recipe = "tiny.toml"
data = "data"
overrides = ["train.epochs=2", "data.validation=0.2"]
seeds = 3
jobs = 2
[grid]
"model.mixer" = ["fft2d", "identity"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = make_place(tmp_path_factory.mktemp("sweep"), train=160, test=40)
    (place / "sweep.toml").write_text(SWEEP)
    return place


def sweep(spikemix, place, *arguments):
    return run(spikemix, "sweep", *arguments, cwd=place)


@pytest.fixture(scope="module")
def whole(spikemix, place):
    result = sweep(spikemix, place, "sweep.toml", "--out", "whole", "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def assert_scipys(comparisons, a, b, key="best_top1"):
    """Of several groups a, against b: differences, intervals, p, and Holm's."""
    tests = [stats.ttest_rel(values, b) for values in a]
    for comparison, values, test in zip(comparisons, a, tests):
        found, interval = comparison[key], test.confidence_interval(0.95)
        assert found["pairs"] == len(b) and found["difference"] == pytest.approx(np.mean(np.subtract(values, b)))
        assert found["p"] == pytest.approx(test.pvalue, rel=1e-8)
        assert found["confidence_95"] == pytest.approx([interval.low, interval.high], rel=1e-8)
        shift = found["smallest_difference_shown"] / found["deviation"] * len(b) ** 0.5
        critical = stats.t.ppf(0.975, len(b) - 1)
        assert stats.nct.sf(critical, len(b) - 1, shift) == pytest.approx(0.8, abs=1e-4)
    order, before = np.argsort([test.pvalue for test in tests]), 0
    for rank, i in enumerate(order):
        before = max(before, min(1, (len(tests) - rank) * tests[i].pvalue))
        assert comparisons[i][key]["p_holm"] == pytest.approx(before, rel=1e-8)


def assert_fits_a_terminal(place, conclusion, *command):
    """All but the conclusion, which is a sentence."""
    lines = answer_in_terminal(*command, cwd=place)
    assert lines and all(columns_of(line) <= 80 for line in lines if line != conclusion), lines


def test_every_run_and_the_comparison(spikemix, place, whole):
    assert [group["name"] for group in whole["groups"]] == ["model.mixer=fft2d", "model.mixer=identity"]
    for group in whole["groups"]:
        assert group["seeds"] == ["0", "1", "2"] and group["best_on"] == "validation"
        summaries = [json.loads((place / folder / "summary.json").read_text()) for folder in group["runs"]]
        assert group["best_top1"]["values"] == [summary["best_top1"] for summary in summaries]
        assert group["last_top1"]["mean"] == pytest.approx(np.mean([summary["last_top1"] for summary in summaries]))
    values = [group["best_top1"]["values"] for group in whole["groups"]]
    if np.std(np.subtract(*values)) > 0:
        assert_scipys(whole["comparisons"], values[1:], values[0])
    assert not whole["missing"] and "(power 0.8" in whole["conclusion"]
    again = sweep(spikemix, place, "sweep.toml", "--out", "whole")
    assert again.returncode == 0 and "6 of 6 runs are done already" in again.stderr
    assert "seeds" in again.stdout and whole["conclusion"] in again.stdout
    assert_fits_a_terminal(place, whole["conclusion"], spikemix, "sweep", "sweep.toml", "--out", "whole")


def test_killed_and_started_again(spikemix, place, whole):
    """The same results, whichever of sweep and runs is killed; runs never outlive the sweep for long."""
    command = [spikemix, "sweep", "sweep.toml", "--out", "killed", "--json"]
    for kill, done in [(signal.SIGKILL, 1), (signal.SIGINT, 2)]:
        process = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and len(list((place / "killed").glob("*/summary.json"))) < done:
            time.sleep(0.01)
        process.send_signal(kill)
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (-kill, 130), errors
    result = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    for ours, theirs in zip(found["groups"], whole["groups"]):
        assert ours["name"] == theirs["name"] and ours["best_top1"] == theirs["best_top1"]
        assert ours["last_top1"] == theirs["last_top1"] and ours["best_epochs"] == theirs["best_epochs"]
    assert found["comparisons"] == whole["comparisons"] and found["conclusion"] == whole["conclusion"]


def test_a_run_that_fails_leaves_the_others_alone(spikemix, place):
    (place / "fails.toml").write_text(SWEEP.replace("seeds = 3", "seeds = [4]").replace(
        '"model.mixer" = ["fft2d", "identity"]', "train.batch = [16, 4096]"))
    result = sweep(spikemix, place, "fails.toml", "--json")
    assert result.returncode == 1
    document = json.loads(result.stdout)
    assert document["folder"] == "runs/fails" and len(document["groups"]) == 1
    [missing] = document["missing"]
    assert missing["run"] == "runs/fails/batch=4096-seed4" and "train.batch = 4096" in missing["why"]
    assert sum("batch=4096-seed4 failed" in line for line in result.stderr.splitlines()) == 1


def test_what_a_sweep_is_not(spikemix, place):
    for text, words in [("recipe = 'tiny.toml'\nseed = 3", ["sweep2.toml:2", "seed", "did you mean 'seeds'"]),
                        ("seeds = 3", ["recipe is missing"]),
                        ("recipe = 'tiny.toml'\nseeds = 0", ["sweep2.toml:2", "seeds"]),
                        ("recipe = 'tiny.toml'\n[grid]\n'model.mixr' = ['ssa']", ["model.mixr", "model.mixer"]),
                        ("recipe = 'tiny.toml'\n[grid]\nmodel.T = [0]", ["model.T = 0"]),
                        ("recipe = 'tiny.toml'\n[grid]\nmodel.T = 4", ["sweep2.toml:3", "model.T", "list"]),
                        ("recipe = 'tiny.toml'\nseeds = " + str(list(range(10_001))),
                         ["sweep2.toml:2", "seeds: a list of 10001", "at most 10000"]),
                        ("recipe = 'tiny.toml'\ndata = 'data'\noverrides = ['data.dir=nosuch']",
                         ["sweep2.toml:3", "data.dir=nosuch and data data: expected one of them"]),
                        ("recipe = 'tiny.toml'\ndata = 'data'\n[grid]\n'data.dir' = ['a', 'b']",
                         ["sweep2.toml:4", "data.dir", "data data"]),
                        ("recipe = 'tiny.toml'\noverrides = ['train.seed=2']", ["sweep2.toml:2", "`seeds`"]),
                        ("recipe = 'tiny.toml'\noverrides = ['model.T=4']\n[grid]\nmodel.T = [1, 2]",
                         ["sweep2.toml:2", "model.T=4", "grid"]),
                        ("recipe = ", ["sweep2.toml:1"])]:
        (place / "sweep2.toml").write_text(text)
        result = sweep(spikemix, place, "sweep2.toml")
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
        assert all(word in result.stderr for word in words), result.stderr
        assert not (place / "runs" / "sweep2").exists()


def test_other_settings_want_another_folder(spikemix, place, whole):
    (place / "other.toml").write_text(SWEEP.replace("train.epochs=2", "train.epochs=3"))
    result = sweep(spikemix, place, "other.toml", "--out", "whole")
    assert result.returncode == 2 and "other settings" in result.stderr and "--out" in result.stderr
    (place / "fewer.toml").write_text(SWEEP.replace("seeds = 3", "seeds = 2"))
    fewer = sweep(spikemix, place, "fewer.toml", "--out", "whole")
    assert fewer.returncode == 0 and fewer.stderr.count("not in the sweep any more") == 2


def test_runs_that_never_began_bar_no_folder(spikemix, place, tmp_path):
    """Data of the wrong kind, and settings that no run can begin with: the next start has others."""
    for i in range(4):
        for split in ["train", "test"]:
            write_recording(tmp_path / "recordings" / split / f"class{i % 2}" / f"{i}.npz", label=i % 2, seed=i)
    (place / "mended.toml").write_text(SWEEP.replace('data = "data"\n', "").replace("seeds = 3", "seeds = 1"))
    wrong = sweep(spikemix, place, "mended.toml", "--data", tmp_path / "recordings")
    assert wrong.returncode == 1 and "model.input" in wrong.stderr, wrong.stderr
    (place / "mended.toml").write_text((place / "mended.toml").read_text().replace("train.epochs=2", "train.epochs=1"))
    right = sweep(spikemix, place, "mended.toml", "--data", "data")
    assert right.returncode == 0 and "not in the sweep any more" not in right.stderr, right.stderr
    others = sweep(spikemix, place, "mended.toml", "--data", tmp_path / "recordings")
    assert others.returncode == 2 and "other data" in others.stderr, others.stderr


def test_dry_run(spikemix, place):
    (place / "dry.toml").write_text(SWEEP + 'model.T = [1, 2]\n')
    listed = sweep(spikemix, place, "dry.toml", "--dry-run")
    lines = listed.stdout.splitlines()
    assert listed.returncode == 0 and len(lines) == 12 and not (place / "runs" / "dry").exists()
    assert lines[0].split() == ["mixer=fft2d,T=1-seed0", "train.epochs=2", "data.validation=0.2", "model.mixer=fft2d",
                                "model.T=1", "train.seed=0"]


def test_data_are_known_by_what_is_in_them(spikemix, place, tmp_path):
    """A file that names no place; the same data elsewhere go on with what they began, others are refused."""
    (place / "moved.toml").write_text(SWEEP.replace('data = "data"\n', "").replace("seeds = 3", "seeds = 2").replace(
        "epochs=2", "epochs=6"))
    nowhere = sweep(spikemix, place, "moved.toml", "--out", "moved")
    assert nowhere.returncode == 2 and "--data" in nowhere.stderr and not (place / "moved").exists()
    for name in ["first", "second"]:
        shutil.copytree(place / "data", tmp_path / name)
    command = [spikemix, "sweep", "moved.toml", "--out", "moved", "--jobs", "1", "--data"]
    process = subprocess.Popen([*command, tmp_path / "first"], cwd=place, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    while process.poll() is None and not list((place / "moved").glob("*/state.safetensors")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    shutil.rmtree(tmp_path / "first")
    again = sweep(spikemix, place, "moved.toml", "--out", "moved", "--data", tmp_path / "second", "--json")
    assert again.returncode == 0 and "goes on" in again.stderr, again.stderr
    whole = json.loads(sweep(spikemix, place, "moved.toml", "--out", "unmoved", "--data", "data", "--json").stdout)
    assert json.loads(again.stdout)["comparisons"] == whole["comparisons"]
    tiny.write_idx(tmp_path / "other", train=160, test=60)
    other = sweep(spikemix, place, "moved.toml", "--out", "moved", "--data", tmp_path / "other")
    assert other.returncode == 2 and "other data" in other.stderr and len(other.stderr.splitlines()) == 1


def test_each_is_compared_with_its_own_baseline(spikemix, place):
    text = SWEEP.replace("seeds = 3", 'seeds = 2\nbaseline = "model.mixer=identity"').replace("epochs=2", "epochs=1")
    (place / "factorial.toml").write_text(text + "model.T = [1, 2]\n")
    result = sweep(spikemix, place, "factorial.toml", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["baseline"] == "model.mixer=identity" and len(document["groups"]) == 4
    assert [(c["name"], c["against"]) for c in document["comparisons"]] == [
        (f"model.T={T} model.mixer=fft2d", f"model.T={T} model.mixer=identity") for T in [1, 2]]
    groups = {group["name"]: group["best_top1"]["values"] for group in document["groups"]}
    for c in document["comparisons"]:
        found = np.subtract(groups[c["name"]], groups[c["against"]]).mean()
        assert c["best_top1"]["difference"] == pytest.approx(found)
        size = "points" if c["best_top1"]["deviation"] > 0 else "unknown size"
        assert f"{size} for {c['name']}" in document["conclusion"], "each has its own smallest difference"
    text = sweep(spikemix, place, "factorial.toml").stdout
    for T in [1, 2]:
        table = text.split(f"against model.T={T} model.mixer=identity\n")[1].split("against")[0]
        assert table.startswith("pairs of the same seed") and "over seeds and over 40 test images" in table
        assert table.count(f"T={T} mixer=fft2d ") == 2
    assert_fits_a_terminal(place, document["conclusion"], spikemix, "sweep", "factorial.toml")
    one = run(spikemix, "compare", *sorted((place / "runs/factorial").glob("*/")), "--json", "--baseline",
              "model.mixer=identity model.T=2", cwd=place)
    assert {c["against"] for c in json.loads(one.stdout)["comparisons"]} == {"model.T=2 model.mixer=identity"}
    (place / "none.toml").write_text(SWEEP.replace("seeds = 3", 'baseline = "model.mixer=ssa"'))
    none = sweep(spikemix, place, "none.toml")
    assert none.returncode == 2 and "names none of the grid's 2 combinations" in none.stderr


def test_a_baseline_that_failed(spikemix, place):
    """The others wait for theirs; they are not compared with another's."""
    folder = place / "runs" / "factorial"
    for path in folder.glob("mixer=identity,T=1-*/"):
        (path / "summary.json").unlink()
        (path / "config.json").write_text("{")
    result = sweep(spikemix, place, "factorial.toml", "--json")
    assert result.returncode == 1 and len(json.loads(result.stdout)["missing"]) == 2
    [comparison] = json.loads(result.stdout)["comparisons"]
    assert comparison["against"] == "model.T=2 model.mixer=identity"
    assert "Not compared" in json.loads(result.stdout)["conclusion"]
    for path in folder.glob("mixer=identity,*/config.json"):
        path.write_text("{")
    none = json.loads(sweep(spikemix, place, "factorial.toml", "--json").stdout)
    assert not none["comparisons"] and "Nothing is compared" in none["conclusion"]


# --- test images ------------------------------------------------------------------------------------------------------

def crossed(d):
    """Of seeds x images: difference, error of seeds and of images, low, high, p; by NumPy and SciPy alone."""
    pairs, images = d.shape
    rows, columns, mean = d.mean(1), d.mean(0), d.mean()
    rest = ((d - rows[:, None] - columns + mean) ** 2).sum() / ((pairs - 1) * (images - 1))
    of_seeds = stats.sem(100 * rows)
    of_images = 100 * (max(0, columns.var(ddof=1) * pairs - rest) / d.size) ** 0.5

    def reach(p):
        return np.hypot(stats.t.isf(p / 2, pairs - 1) * of_seeds, stats.t.isf(p / 2, images - 1) * of_images)
    p = optimize.brentq(lambda p: reach(p) - abs(100 * mean), 1e-12, 1, xtol=1e-14) if mean else 1
    return 100 * mean, of_seeds, of_images, 100 * mean - reach(0.05), 100 * mean + reach(0.05), p


def right(folder, weights="best"):
    tensors = load_file(folder / weights / "test_answers.safetensors")
    assert set(tensors) == {"label", "answer"} and tensors["label"].dtype == np.uint8
    return (tensors["label"] == tensors["answer"]).astype(int)


def test_training_keeps_its_answers(spikemix, place, whole):
    for group in whole["groups"]:
        for folder in group["runs"]:
            summary = json.loads((place / folder / "summary.json").read_text())
            for weights in ["best", "last"]:
                assert 100 * right(place / folder, weights).mean() == pytest.approx(summary[f"{weights}_top1"])
                again = place / "again.safetensors"
                model = place / folder / weights / "model.safetensors"
                result = run(spikemix, "eval", model, "--engine", "torch", "--answers", again, cwd=place)
                assert result.returncode == 0, result.stderr
                kept = load_file(place / folder / weights / "test_answers.safetensors")
                assert all((load_file(again)[name] == kept[name]).all() for name in kept)


def test_intervals_over_images_are_numpys(spikemix, place, whole):
    a, b = [np.array([right(place / folder) for folder in group["runs"]]) for group in whole["groups"][::-1]]
    found = whole["comparisons"][0]["best_top1"]["over_images"]
    difference, of_seeds, of_images, low, high, p = crossed(a - b)
    assert found["difference"] == pytest.approx(difference) and found["images"] == 40
    assert found["error_of_seeds"] == pytest.approx(of_seeds) and found["error_of_images"] == pytest.approx(of_images)
    assert found["confidence_95"] == pytest.approx([low, high], rel=1e-7) and found["p"] == pytest.approx(p, rel=1e-6)
    assert found["disagreement"] == pytest.approx(100 * np.mean(a != b))
    assert found["only_it_right"] == pytest.approx((a > b).sum(1).mean())
    assert "other test images" in whole["conclusion"]


def test_two_runs_by_mcnemar(spikemix, place, whole):
    folders = [group["runs"][0] for group in whole["groups"]]
    b, a = [right(place / folder) for folder in folders]
    found = json.loads(run(spikemix, "compare", *folders, "--json", cwd=place).stdout)["comparisons"][0]["best_top1"]
    only_a, only_b = int((a > b).sum()), int((b > a).sum())
    assert (found["over_images"]["only_it_right"], found["over_images"]["only_baseline_right"]) == (only_a, only_b)
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1
    assert found["over_images"]["p"] == pytest.approx(expected) and "confidence_95" not in found
    text = run(spikemix, "compare", *folders, cwd=place).stdout
    assert f"only it is right on {only_a} images, only the baseline on {only_b}" in text
    assert_fits_a_terminal(place, None, spikemix, "compare", *folders)


def test_long_names_are_shortened_in_a_terminal_alone(spikemix, place, whole, tmp_path):
    folders = []
    for group in whole["groups"]:
        for folder in group["runs"][:2]:
            folders.append(shutil.copytree(place / folder, tmp_path / folder.replace("/", "-")))
            record = json.loads((folders[-1] / "config.json").read_text())
            record["config"]["train"]["init"] = 60 * record["config"]["model"]["mixer"][0][0]  # "fff..." and "iii..."
            (folders[-1] / "config.json").write_text(json.dumps(record))
    text = run(spikemix, "compare", *folders).stdout
    assert all(f"init={60 * first} " in text for first in "fi") and "…" not in text
    lines = answer_in_terminal(spikemix, "compare", *folders)
    rows = [line for line in lines if "…" in line]  # the others are headings and sentences
    assert all(columns_of(line) <= 80 for line in rows), lines
    assert [sum(3 * first in line for line in rows) for first in "fi"] == [1, 3], lines  # groups, pairs, images


def test_answers_that_are_missing_or_others(spikemix, place, whole, tmp_path):
    folders = []
    for group in whole["groups"]:
        for folder in group["runs"]:
            folders.append(tmp_path / folder.replace("/", "-"))
            shutil.copytree(place / folder, folders[-1])
    file = folders[0] / "best" / "test_answers.safetensors"
    kept = file.read_bytes()

    def told(*flags):
        result = run(spikemix, "compare", *folders, *flags, cwd=place)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout) if flags else result.stdout
    assert told("--json")["comparisons"][0]["best_top1"]["over_images"]
    file.unlink()
    [comparison] = told("--json")["comparisons"]
    assert "over_images" not in comparison["best_top1"] and "over_images" in comparison["last_top1"]
    assert f"spikemix eval {folders[0]} --answers {file}" in comparison["no_interval_over_images"]
    lines = [line for line in told().splitlines() if "No interval over test images" in line]
    assert len(lines) == 1 and str(file) in lines[0]
    file.write_bytes(kept[:-1])
    assert "is damaged" in told("--json")["comparisons"][0]["no_interval_over_images"]
    command = ["eval", folders[0], "--data", place / "data", "--answers", file]
    few = run(spikemix, *command[:-1], tmp_path / "few.safetensors", "--images", 20)
    assert few.returncode == 0, few.stderr
    shutil.copy(tmp_path / "few.safetensors", file)
    assert "no_interval_over_images" in told("--json")["comparisons"][0], "half of the images are others"
    assert run(spikemix, *command, "--engine", "torch").returncode == 0
    assert told("--json")["comparisons"] == whole["comparisons"], "completed by eval"


def test_two_runs_without_answers(spikemix, place, whole, tmp_path):
    """There is no interval, and one line on standard error says why and what to do."""
    folders = []
    for group in whole["groups"]:
        folders.append(tmp_path / group["runs"][0].replace("/", "-"))
        shutil.copytree(place / group["runs"][0], folders[-1])
    answers = [folder / "best" / "test_answers.safetensors" for folder in folders]

    def told():
        result = run(spikemix, "compare", *folders)
        assert result.returncode == 0, result.stderr
        return result
    assert "these runs alone" in told().stdout and told().stderr == ""
    labels = safetensors.numpy.load_file(answers[1])
    with safetensors.safe_open(answers[1], "numpy") as file:
        metadata = file.metadata()
    labels["label"][[0, 1]] = labels["label"][[1, 0]]
    safetensors.numpy.save_file(labels, answers[1], metadata=metadata)
    assert told().stderr.count("No interval over test images") == 1 and "is damaged" in told().stderr
    for file, runs in [(answers[1], [folders[1]]), (answers[0], [folders[0], folders[1]])]:
        file.unlink()
        result = told()
        assert "interval" not in result.stdout and len(result.stderr.splitlines()) == 1
        assert any(f"`spikemix eval {folder} --answers {folder}/best" in result.stderr for folder in runs)


# --- compare, of runs that somebody else made -------------------------------------------------------------------------

@pytest.fixture
def runs(tmp_path):
    """Ten runs: fft2d, ssa and identity, seeds 0 to 3 (ssa: 0, 1)."""
    rng = np.random.default_rng(3)
    made = {}
    for mixer, seeds, level in [("fft2d", 4, 60), ("ssa", 2, 63), ("identity", 4, 70)]:
        for seed in range(seeds):
            folder = tmp_path / f"{mixer}-{seed}"
            folder.mkdir()
            best = level + rng.normal()
            config = {"name": "x", "model": {"mixer": [mixer], "T": 2}, "train": {"seed": seed, "threads": seed + 1}}
            (folder / "config.json").write_text(json.dumps({"config": config}))
            (folder / "summary.json").write_text(json.dumps({
                "mixer": [mixer], "seed": seed, "parameters": 1, "best_top1": best, "last_top1": best - 1,
                "best_epoch": 1, "train_images_per_second": 1.0, "test_images_per_second": 1.0,
                "peak_memory_bytes": 1}))
            made.setdefault(mixer, []).append(best)
    return tmp_path, made


def test_compare_is_scipys(spikemix, runs):
    folder, made = runs
    names = sorted(path.name for path in folder.iterdir())
    result = run(spikemix, "compare", *names, "--json", "--baseline", "model.mixer=fft2d", cwd=folder)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    by_name = {c["name"]: c for c in document["comparisons"]}
    assert document["baseline"] == "model.mixer=fft2d"
    assert by_name["model.mixer=ssa"]["best_top1"]["pairs"] == 2, "only the seeds that both have"
    identity, ssa = by_name["model.mixer=identity"], by_name["model.mixer=ssa"]
    assert identity["best_top1"]["p"] == pytest.approx(
        stats.ttest_rel(made["identity"], made["fft2d"]).pvalue, rel=1e-8)
    assert ssa["best_top1"]["p"] == pytest.approx(stats.ttest_rel(made["ssa"], made["fft2d"][:2]).pvalue, rel=1e-8)
    assert "identity" in document["conclusion"]
    # runs that do not say chose on the test images
    assert all(group["best_on"] == "test" for group in document["groups"])
    two = run(spikemix, "compare", *[n for n in names if "ssa" not in n], "--json", cwd=folder)
    assert_scipys(json.loads(two.stdout)["comparisons"], [made["identity"]], made["fft2d"])


def test_runs_of_other_test_images_are_another_group(spikemix, runs):
    folder, _ = runs
    for seed in range(4):
        record = folder / f"fft2d-{seed}" / "config.json"
        facts = {"hash of the classes' names": "a", "hash of the test labels": str(seed % 2),
                 "hash of the training labels": str(seed)}
        record.write_text(json.dumps(json.loads(record.read_text()) | {"data_facts": facts}))
    result = run(spikemix, "compare", *[f"fft2d-{seed}" for seed in range(4)], "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    groups = json.loads(result.stdout)["groups"]
    assert [group["seeds"] for group in groups] == [["0", "2"], ["1", "3"]]
    assert all(re.fullmatch("test_data=[0-9a-f]{16}", group["name"]) for group in groups)


def test_a_baseline_of_another_size_has_other_test_data(spikemix, runs):
    folder, _ = runs
    names = [f"{mixer}-{seed}" for mixer in ["fft2d", "identity"] for seed in range(2)]
    for name in names:  # seed 0: 16 x 16, seed 1: 32 x 32
        path = folder / name / "config.json"
        record = json.loads(path.read_text())
        record["config"]["model"]["height"] = 16 << int(name[-1])
        record["data_facts"] = {"hash of 16 test images": name[-1]}
        path.write_text(json.dumps(record))
    result = run(spikemix, "compare", *names, "--json", "--baseline", "model.height=16", cwd=folder)
    assert result.returncode == 0, result.stderr
    compared = [(c["name"].split(" test_data")[0], c["against"].split(" test_data")[0])
                for c in json.loads(result.stdout)["comparisons"]]
    assert compared == [(f"model.height=32 model.mixer={mixer}", f"model.height=16 model.mixer={mixer}")
                        for mixer in ["fft2d", "identity"]]


@pytest.mark.parametrize("differs, said", [
    ({}, False), ({"data_facts": {"hash of the training labels": "b"}}, True),
    ({"data_facts": {"training images": "3"}}, True),
    ({"data_facts": {"hash of the training labels": "b"}, "data": {"train_images": 3}}, False),  # as was asked for
    ({"data_facts": {"hash of the training labels": "b"}, "data": {"validation": 0.1}}, False),  # as the seed draws
    ({"data_facts": {"hash of 16 training images": "b"}, "model": {"height": 9}}, False)], ids=range(6))
def test_other_training_images_are_named(spikemix, runs, differs, said):
    folder, _ = runs
    facts = {"training images": "4", "hash of the training labels": "a", "hash of 16 training images": "a",
             "hash of the test labels": "a"}
    names = [f"{mixer}-{seed}" for mixer in ["fft2d", "ssa"] for seed in range(2)]
    for name in names:
        path = folder / name / "config.json"
        record = json.loads(path.read_text())
        change = differs if name == "ssa-1" else {}
        for section in ["data", "model"]:
            record["config"][section] = {"validation": 0.1 if "validation" in differs.get("data", {}) else 0,
                                         **record["config"].get(section, {}), **change.get(section, {})}
        path.write_text(json.dumps(record | {"data_facts": facts | change.get("data_facts", {})}))
    line = "ssa-1 learned from other training images than fft2d-0"
    for some in [names, ["fft2d-0", "ssa-1"]]:
        text = run(spikemix, "compare", *some, cwd=folder)
        assert text.returncode == 0 and (line in text.stdout + text.stderr) == said, text.stderr
        document = json.loads(run(spikemix, "compare", *some, "--json", cwd=folder).stdout)
        assert (line in document["conclusion"]) == said


def test_values_with_blanks_are_whole(spikemix, runs):
    folder, _ = runs
    inits = {"fft2d": "my first model", "identity": "my second v1.0 = good"}
    names = [f"{mixer}-{seed}" for mixer in inits for seed in range(2)]
    for name in names:
        path = folder / name / "config.json"
        record = json.loads(path.read_text())
        record["config"]["train"]["init"] = inits[name.split("-")[0]]
        record["config"]["model"]["mixer"] = ["fft2d"]
        path.write_text(json.dumps(record))
    for baseline in ["train.init=my second v1.0 = good", 'train.init="my second v1.0 = good"',
                     "model.mixer=fft2d train.init=my second v1.0 = good model.T=2"]:
        result = run(spikemix, "compare", *names, "--baseline", baseline, "--json", cwd=folder)
        assert result.returncode == 0, result.stderr
        document = json.loads(result.stdout)
        assert document["baseline"] == "train.init=my second v1.0 = good"
        assert [c["name"] for c in document["comparisons"]] == ["train.init=my first model"]
    text = run(spikemix, "compare", *names, cwd=folder).stdout
    assert "init=my second v1.0 = good " in text and "init=my first model " in text


def test_nine_of_ten_are_compared(spikemix, runs):
    folder, _ = runs
    names = sorted(path.name for path in folder.iterdir())
    for broken, text in [("summary.json", '{"mix'), ("config.json", "nothing")]:
        path = folder / "fft2d-1" / broken
        sound = path.read_text()
        path.write_text(text)
        result = run(spikemix, "compare", *names, "--csv", cwd=folder)
        line, = result.stderr.splitlines()
        assert result.returncode == 0 and f"its {broken} is damaged" in line
        assert len(result.stdout.splitlines()) == 1 + 9
        path.write_text(sound)
    twice = run(spikemix, "compare", "ssa-0", "ssa-1", "ssa-0", "--json", cwd=folder)
    assert "ssa-0: the same settings and seed" in twice.stderr
    assert json.loads(twice.stdout)["groups"][0]["seeds"] == ["0", "1"]
    unknown = run(spikemix, "compare", *names, "--baseline", "model.mixer=wt2d", cwd=folder)
    assert unknown.returncode == 2 and "model.mixer=fft2d" in unknown.stderr
