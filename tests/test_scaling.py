# SPDX-License-Identifier: MIT
"""`spikemix bench --scaling`: figures over the number of tokens, and the power laws that fit them. Nothing is timed."""
import csv
import json
import math
import xml.etree.ElementTree as xml

import numpy as np
import pytest
import scipy.stats

from test_cli import assert_refused
from tiny import run

SMALL = ["cifar10-small", "model.depth=1", "--embed-dim", 16, "--heads", 2, "--T", 2, "--threads", 1, "--seconds", 0]
ATTENTION = ["(q k') v, dense fp32", "q (k' v), dense fp32", "q (k' v) of spikes, the engine"]


@pytest.fixture(scope="module")
def measured(spikemix, tmp_path_factory):
    """JSON, CSV and plot of one run: three sizes, of which hadamard refuses one."""
    folder = tmp_path_factory.mktemp("scaling")
    result = run(spikemix, "bench", "--scaling", *SMALL, "--mixers", "ssa,fft1d,hadamard,dwc3", "--tokens",
                 "256,64,144,1024", "--density", 0.3, "--json", "--csv", folder / "rows.csv",
                 "--plot", folder / "plot.svg")
    assert result.returncode == 0, result.stderr
    return folder, json.loads(result.stdout)


def test_names_what_was_measured(measured):
    _, found = measured
    assert (found["T"], found["embed_dim"], found["heads"], found["density"], found["threads"]) == (2, 16, 2, 0.3, 1)
    assert found["recipe"] == "cifar10-small" and found["precision"] == "fp32" and found["processor"]
    rows = found["rows"]
    assert [row["mixer"] for row in rows if row["of"] == "mixer"] == ["ssa", "fft1d", "hadamard", "dwc3"]
    assert [row["mixer"] for row in rows if row["of"] == "model"] == ["ssa", "fft1d", "hadamard", "dwc3"]
    assert [row["what"] for row in rows if row["of"] == "attention"] == ATTENTION
    for row in rows:
        assert [point["tokens"] for point in row["points"]] == [64, 144, 256, 1024]
        for point in row["points"]:
            if "refused" in point:
                assert row["mixer"] == "hadamard" and point["tokens"] == 144 and "power of two" in point["refused"]
            else:
                assert point["seconds"] > 0 and point["bytes"] > 0
                assert point["density"] == pytest.approx(0.3, abs=0.03 if row["of"] != "model" else 0.15)


def test_exponents_equal_scipys(measured):
    _, found = measured
    for row in found["rows"]:
        points = [point for point in row["points"] if "refused" not in point]
        for figure, value in [("time", "seconds"), ("memory", "bytes")]:
            x, y = np.log([point["tokens"] for point in points]), np.log([point[value] for point in points])
            fit = scipy.stats.linregress(x, y)
            reach = scipy.stats.t.ppf(0.975, len(points) - 2) * fit.stderr
            law = row[figure]
            assert law["points"] == len(points)
            assert law["exponent"] == pytest.approx(fit.slope, rel=1e-9)
            assert law["interval"] == pytest.approx([fit.slope - reach, fit.slope + reach], rel=1e-6, abs=1e-7)
            assert law["r2"] == pytest.approx(fit.rvalue**2, rel=1e-9)
    n = np.array([64, 144, 256, 1024])
    reference = scipy.stats.linregress(np.log(n), np.log(n * np.log(n))).slope
    assert found["n_log_n"]["exponent"] == pytest.approx(reference, rel=1e-9)


def test_memory_shows_the_order_of_the_product(measured):
    _, found = measured
    memory = {row["what"]: row["memory"]["exponent"] for row in found["rows"] if row["of"] == "attention"}
    assert memory[ATTENTION[0]] > 1.6
    assert memory[ATTENTION[1]] < 1.05 and memory[ATTENTION[2]] < 1.05


def test_csv_and_plot_hold_the_same_numbers(measured):
    folder, found = measured
    lines = list(csv.DictReader((folder / "rows.csv").open()))
    points = [(row, point) for row in found["rows"] for point in row["points"]]
    assert len(lines) == len(points)
    for line, (row, point) in zip(lines, points):
        assert (line["of"], line["mixer"], line["what"]) == (row["of"], row["mixer"], row["what"])
        assert int(line["tokens"]) == point["tokens"] and line["refused"] == point.get("refused", "")
        if "refused" not in point:
            assert line["disturbed"] == str(int(point["disturbed"]))
            assert [float(line[key]) for key in ["seconds", "bytes", "density"]] == [
                point[key] for key in ["seconds", "bytes", "density"]]
    svg = xml.parse(folder / "plot.svg")
    groups = [g for g in svg.iter("{http://www.w3.org/2000/svg}g") if "data-name" in g.attrib]
    assert len(groups) == 2 * len(found["rows"]), "each row in time and in memory"
    ssa = next(row for row in found["rows"] if row["mixer"] == "ssa")
    assert groups[0].get("data-name") == f"ssa: {ssa['what']}, N^{ssa['time']['exponent']:.2f}"
    assert [float(x) for x in groups[0].get("data-x").split()] == [point["tokens"] for point in ssa["points"]]
    assert [float(y) for y in groups[0].get("data-y").split()] == pytest.approx(
        [point["seconds"] * 1e6 for point in ssa["points"]])


def test_text_states_conclusions_and_missing_sizes(spikemix):
    text = run(spikemix, "bench", "--scaling", *SMALL, "--mixers", "ssa,hadamard", "--tokens", "16,36,64").stdout
    assert "T = 2 steps, D = 16, 2 heads, fp32" in text and "density 15 %" in text
    for what in ATTENTION:
        assert f"ssa: {what}" in text
    assert "Nothing at 36 tokens: model.mixer, hadamard: N = 36 tokens, expected a power of two" in text
    assert "holds against (q k') v alone" in " ".join(text.split())
    line = next(line for line in text.splitlines() if line.startswith("hadamard"))
    assert line.split()[2] == "-", "a gap where it is: hadamard, 16, 36"


def test_two_sizes_have_no_interval_and_one_no_exponent(spikemix):
    for tokens, exponent in [("16,64", True), ("64,64", False)]:
        result = run(spikemix, "bench", "--scaling", *SMALL, "--mixers", "fft1d", "--tokens", tokens, "--json")
        law = json.loads(result.stdout)["rows"][0]["time"]
        assert law["interval"] is None and (law["exponent"] is not None) == exponent
        assert exponent == math.isfinite(law["exponent"] or math.nan)


@pytest.mark.parametrize("precision", ["int16", "int8"])
def test_other_precisions(spikemix, precision):
    result = run(spikemix, "bench", "--scaling", *SMALL, "--mixers", "ssa", "--tokens", "16,64",
                 "--precision", precision, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["precision"] == precision


@pytest.mark.parametrize("arguments, parts", [
    (["--tokens", "50"], ["50 tokens are not a square grid", "49 or 64"]),
    (["--tokens", "0"], ["--tokens"]),
    (["--mixers", "ftt1d"], ["ftt1d", "did you mean 'fft1d'?"]),
    (["--density", "2"], ["--density"]),
    (["--embed-dim", "12"], ["model.embed_dim = 12"]),
    (["--precision", "bf16"], ["bf16"]),
    (["--data", "/"], ["--data", "--scaling, which draws"]),
    (["--engine", "torch"], ["--engine"]),
    (["--mixers", "hadamard", "--tokens", "144"], ["nothing was measured", "hadamard", "power of two"]),
    (["--csv", "/no/such/folder/x.csv"], ["/no/such/folder"]),
    (["--plot", "/no/such/folder/x.svg"], ["/no/such/folder"]),
])
def test_refusals(spikemix, arguments, parts):
    words = ["cifar10-small", "model.depth=1", "--mixers", "fft1d", "--tokens", "16", "--threads", 1]
    for flag in arguments[::2]:
        if flag in words:
            del words[words.index(flag):words.index(flag) + 2]
    result = run(spikemix, "bench", "--scaling", *words, *arguments)
    assert_refused(result, *parts)


def test_flags_need_scaling_and_a_model_is_not_a_recipe(spikemix):
    assert_refused(run(spikemix, "bench", "builtin", "--mixers", "ssa"), "--mixers", "--scaling")
    assert_refused(run(spikemix, "bench", "--scaling", "builtin"), "--scaling: takes a recipe, found 'builtin'")
    assert_refused(run(spikemix, "bench", "--scaling", "cifar10-smal"), "cifar10-smal")
