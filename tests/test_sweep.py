"""`spikemix sweep` drops no run, whatever is killed; its statistics, and those of `compare`, are SciPy's."""
import json
import signal
import subprocess
import time

import numpy as np
import pytest
from scipy import stats

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
    assert all(len(line) <= 80 for line in again.stdout.splitlines() if whole["conclusion"] not in line)


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


def test_dry_run(spikemix, place):
    (place / "dry.toml").write_text(SWEEP + 'model.T = [1, 2]\n')
    listed = sweep(spikemix, place, "dry.toml", "--dry-run")
    lines = listed.stdout.splitlines()
    assert listed.returncode == 0 and len(lines) == 12 and not (place / "runs" / "dry").exists()
    assert lines[0].split() == ["mixer=fft2d,T=1-seed0", "train.epochs=2", "data.validation=0.2", "model.mixer=fft2d",
                                "model.T=1", "train.seed=0"]


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
