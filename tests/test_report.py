# SPDX-License-Identifier: MIT
"""`spikemix report`: the page contains the run's numbers, loads nothing, and no name breaks out of its text."""
import html.parser
import json
import math
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from tiny import RECIPE, make_place, metrics, run, train

HOSTILE = ['"><script>alert(1)', "<img src=x onerror=alert(1)>", "a&b'c", "caf\u00e9\u202e"]
VOID = {"meta", "link", "img", "br"}


class Page(html.parser.HTMLParser):
    """Every tag with its attributes, in order; the cells of tables; whether tags are properly nested."""

    def __init__(self, path):
        super().__init__()
        self.bytes = path.read_bytes()
        self.tags, self.open, self.rows, self.wrong = [], [], [], []
        self.feed(self.bytes.decode())  # strict: UTF-8
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if any(cell in self.open for cell in ("td", "th")):
            self.rows[-1][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def lines(self, chart):
        """The lines of a chart, by name: (x, y)."""
        begin = next(i for i, (_, a) in enumerate(self.tags) if a.get("id") == chart)
        found = {}
        for tag, a in self.tags[begin + 1:]:
            if tag == "figure":
                break
            if "data-y" in a:
                found[a["data-name"]] = tuple([float(v) for v in a[axis].split()] for axis in ("data-x", "data-y"))
        return found


@pytest.fixture(scope="module")
def place(spikemix, tmp_path_factory):
    place = make_place(tmp_path_factory.mktemp("report"), 160, 40)
    for mixer in ("fft2d", "ssa"):
        subprocess.run(train(spikemix, place, place / "runs" / mixer, f"model.mixer={mixer}"), check=True,
                       capture_output=True)
    return place


@pytest.fixture(scope="module")
def page(spikemix, place):
    out = place / "report.html"
    result = run(spikemix, "report", place / "runs" / "fft2d", "-o", out)
    assert result.returncode == 0, result.stderr
    return Page(out)


def of_epochs(folder, key):
    return [line[key] for line in metrics(folder, "epoch")]


def assert_loads_nothing(page):
    for tag, a in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base", "audio", "video", "form"), tag
        assert not [name for name in a if name.startswith("on")], (tag, a)
        for name in ("src", "srcset", "poster", "data", "xlink:href", "action"):
            assert a.get(name, "data:").startswith("data:"), (tag, a)
        if tag != "a":
            assert a.get("href", "data:").startswith("data:"), (tag, a)
    text = page.bytes.decode()
    assert not re.search(r"@import|url\(", text)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_curves_are_those_of_the_metrics(page, place):
    folder = place / "runs" / "fft2d"
    epochs = of_epochs(folder, "epoch")
    losses = page.lines("loss")
    assert losses["training"] == (epochs, of_epochs(folder, "train_loss"))
    assert losses["test"] == (epochs, of_epochs(folder, "test_loss"))
    assert page.lines("top1")["fft2d"] == (epochs, of_epochs(folder, "test_top1"))
    assert page.lines("lr")["fft2d"] == (epochs, of_epochs(folder, "lr"))
    assert page.lines("speed")["fft2d"] == (epochs, of_epochs(folder, "images_per_second"))


def test_answers_are_those_of_eval(spikemix, page, place):
    """The confusion matrix and the accuracy."""
    expected = json.loads(run(spikemix, "eval", place / "runs" / "fft2d", "--confusion", "--json").stdout)
    strong = next(a for a in page.all("strong") if "data-top1" in a)
    assert float(strong["data-top1"]) == pytest.approx(expected["top1"])
    begin = next(i for i, row in enumerate(page.rows) if row[0] == "class" and row[-1] == "top-1 %")
    matrix = [[int(n) for n in row[1:-1]] for row in page.rows[begin + 1:begin + 11]]
    assert matrix == expected["confusion"]


def test_rates_energy_and_time_are_there_for_every_layer(spikemix, page, place):
    counted = json.loads(run(spikemix, "count", place / "runs" / "fft2d", "--json", "--images", 40).stdout)
    energy = {row[0]: row for row in page.rows}
    for layer in counted["layers"]:
        assert layer["name"] in energy
    assert float(energy["horowitz-45nm-fp32"][1]) == pytest.approx(counted["energy"]["horowitz-45nm-fp32"], rel=1e-3)
    assert float(energy["as the papers count"][1]) == pytest.approx(counted["as_published"]["energy_mj"], rel=1e-3)
    rasters = {a["data-layer"]: float(a["data-rate"]) for a in page.all("figure") if "data-layer" in a}
    assert rasters and all(0 <= rate <= 1 for rate in rasters.values())
    shown = [row for row in page.rows if row[0] in rasters and len(row) == 4]  # layer, neurons, two steps
    assert {row[0] for row in shown} == set(rasters)
    assert any(a.get("id", "").startswith("model-1-membrane-") for a in page.all("figure"))
    assert any(a.get("id", "").startswith("model-1-spectrum-") for a in page.all("figure"))
    assert "all layers" in energy


def test_membrane_potentials_stay_below_the_threshold(page):
    """After firing and reset, for neurons with a threshold of 1 or 0.5."""
    ids = [a["id"] for a in page.all("figure") if a.get("id", "").startswith("model-1-membrane-")]
    for chart in ids:
        for x, y in page.lines(chart).values():
            assert x == [1, 2] and all(math.isfinite(v) and v < 1 for v in y)


def test_the_page_loads_nothing_and_is_small(page):
    assert_loads_nothing(page)
    assert len(page.bytes) < 1e6
    assert not page.wrong and not page.open, (page.wrong, page.open)


def test_the_page_is_accessible(page):
    assert all(a.get("alt") for a in page.all("img"))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table")) > 5
    labels = {a["id"] for tag, a in page.tags if "id" in a}
    ids = [a["id"] for tag, a in page.tags if "id" in a]
    assert len(ids) == len(labels), "an id occurs twice"
    for tag, a in page.tags:
        if a.get("role") == "img":
            assert set(a["aria-labelledby"].split()) <= labels
        if a.get("href", "").startswith("#"):
            assert a["href"][1:] in labels


def test_two_runs_or_a_folder_of_runs(spikemix, place):
    runs = place / "runs"
    for arguments in ([runs / "fft2d", runs / "ssa"], [runs]):
        out = place / "both.html"
        result = run(spikemix, "report", *arguments, "-o", out, "--models", 1)
        assert result.returncode == 0, result.stderr
        assert "left out: the models of the last 1 of 2" in result.stderr
        both = Page(out)
        for name in ("fft2d", "ssa"):
            assert both.lines("test-loss")[name][1] == of_epochs(runs / name, "test_loss")
            summary = json.loads((runs / name / "summary.json").read_text())
            assert [row for row in both.rows if row[0] == name and f'{summary["best_top1"]:.2f}' in row]
        assert_loads_nothing(both)


def test_seeds_are_compared_as_compare_does(spikemix, place, tmp_path):
    """Three seeds of two mixers, with results written by hand: means, differences, intervals, and the conclusion."""
    results = {"fft2d": (70, 72, 75), "ssa": (60, 63, 64)}
    for mixer, tops in results.items():
        for seed, top1 in enumerate(tops):
            folder = shutil.copytree(place / "runs" / mixer, tmp_path / "runs" / f"{mixer}-{seed}")
            for name in ("summary.json", "config.json"):
                record = json.loads((folder / name).read_text())
                if name == "summary.json":
                    record.update(seed=seed, best_top1=top1, last_top1=top1 - 1)
                else:
                    record["config"]["train"]["seed"] = seed
                (folder / name).write_text(json.dumps(record))
    runs = sorted((tmp_path / "runs").iterdir())
    expected = json.loads(run(spikemix, "compare", *runs, "--json", "--baseline", "model.mixer=ssa").stdout)
    result = run(spikemix, "report", tmp_path / "runs", "-o", tmp_path / "r.html", "--models", 0,
                 "--baseline", "model.mixer=ssa")
    assert result.returncode == 0, result.stderr
    page = Page(tmp_path / "r.html")
    rows = [row for row in page.rows if row[0] == "model.mixer=fft2d"]
    assert rows[0][1:3] == ["3", "72.33 ± 2.52"]
    pair = next(c for c in expected["comparisons"] if c["name"] == "model.mixer=fft2d")["best_top1"]
    low, high = pair["confidence_95"]
    figures = [f"{pair[key]:{form}}" for key, form in
               (("difference", "+.2f"), ("p", ".4f"), ("p_holm", ".4f"), ("smallest_difference_shown", ".2f"))]
    assert rows[1][1:] == ["model.mixer=ssa", "3", figures[0], f"{low:+.2f} to {high:+.2f}", *figures[1:]]
    assert html.escape(expected["conclusion"], quote=False) in page.bytes.decode()


def test_a_sweep_drops_no_run_silently(spikemix, place, tmp_path):
    """Its runs appear in its order; one that has not begun and one that is not done are named on the page."""
    for name in ("ssa", "fft2d", "unfinished"):
        shutil.copytree(place / "runs" / ("ssa" if name == "unfinished" else name), tmp_path / "sweep" / name)
    (tmp_path / "sweep" / "unfinished" / "summary.json").unlink()
    record = {"runs": [{"folder": name} for name in ("ssa", "fft2d", "unfinished", "waiting")]}
    (tmp_path / "sweep" / "sweep.json").write_text(json.dumps(record))
    result = run(spikemix, "report", tmp_path / "sweep", "-o", tmp_path / "r.html", "--models", 0)
    assert result.returncode == 0, result.stderr
    page = Page(tmp_path / "r.html")
    assert list(page.lines("top1")) == ["ssa", "fft2d", "unfinished"]
    text = page.bytes.decode().partition("Not shown here")[2]
    assert "waiting: the sweep has not begun it" in text and "unfinished: not in the means: not finished" in text
    assert "waiting" in result.stderr and "unfinished" in result.stderr
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    result = run(spikemix, "report", tmp_path / "sweep", "-o", tmp_path / "r.html")
    assert result.returncode == 2 and "sweep.json: not a sweep's record" in result.stderr


def test_validation_images_are_not_called_test_images(spikemix, place, tmp_path):
    """A run that chose its best epoch on validation images logs those, and the test images only once, at the end."""
    folder = shutil.copytree(place / "runs" / "fft2d", tmp_path / "careful")
    log = folder / "metrics.jsonl"
    log.write_text(log.read_text().replace("test_", "validation_"))
    result = run(spikemix, "report", folder, "-o", tmp_path / "page.html", "--models", 0)
    assert result.returncode == 0, result.stderr
    page = Page(tmp_path / "page.html")
    assert page.lines("loss")["validation"][1] == of_epochs(folder, "validation_loss")
    assert page.lines("top1")["careful"][1] == of_epochs(folder, "validation_top1")
    assert "Top-1 accuracy on validation images" in page.bytes.decode()
    assert next(row for row in page.rows if row[0] == "careful")[4] == "validation"


def test_recipe_of_the_page_is_read_again(spikemix, place, page, tmp_path):
    text = page.bytes.decode()
    recipe = re.search(r"every key</summary>\s*<pre[^>]*>(.*?)</pre>", text, re.DOTALL)[1]
    (tmp_path / "again.toml").write_text(html.unescape(recipe))
    shown = json.loads(run(spikemix, "recipes", tmp_path / "again.toml", "--json").stdout)
    recorded = json.loads((place / "runs" / "fft2d" / "config.json").read_text())["config"]
    assert shown == recorded


def test_a_model_without_data_shows_what_it_can(spikemix, place, tmp_path):
    model = shutil.copy(place / "runs" / "fft2d" / "best" / "model.safetensors", tmp_path / "m.safetensors")
    result = run(spikemix, "report", model, "-o", tmp_path / "m.html")
    assert result.returncode == 0, result.stderr
    assert "left out" in result.stderr
    alone = Page(tmp_path / "m.html")
    assert b"Not shown here" in alone.bytes and not alone.all("img")
    Image.fromarray(np.full((40, 30, 3), 200, np.uint8)).save(tmp_path / "grey.png")
    result = run(spikemix, "report", model, "--picture", tmp_path / "grey.png", "-o", tmp_path / "m.html")
    assert result.returncode == 0, result.stderr
    assert len(Page(tmp_path / "m.html").all("img")) > 5


def test_a_run_that_is_not_done_or_broken(spikemix, place, tmp_path):
    unfinished = shutil.copytree(place / "runs" / "ssa", tmp_path / "runs" / "unfinished")
    (unfinished / "summary.json").unlink()
    broken = tmp_path / "runs" / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    damaged = shutil.copytree(place / "runs" / "ssa", tmp_path / "runs" / "damaged")
    (damaged / "best" / "model.safetensors").write_bytes(b"no model")
    result = run(spikemix, "report", tmp_path / "runs", "-o", tmp_path / "r.html")
    assert result.returncode == 0, result.stderr
    assert "broken" in result.stderr and "damaged" in result.stderr
    rows = [row[0] for row in Page(tmp_path / "r.html").rows]
    assert "unfinished (not finished)" in rows and "damaged" in rows
    result = run(spikemix, "report", broken, "-o", tmp_path / "none.html")
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    for nothing in (["no/such", "run"], [broken, broken], [damaged / "best" / "model.safetensors"] * 2):
        result = run(spikemix, "report", *nothing, "-o", tmp_path / "none.html")
        assert result.returncode == 2 and "Traceback" not in result.stderr, result.stderr
    assert not (tmp_path / "none.html").exists()


def test_hostile_names_stay_text(spikemix, tmp_path):
    """Classes and files named like tags, and a control character that reverses the direction of writing."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("test", 4)):
        for name in HOSTILE:
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(folder / f"<b>{i}.png")
    (tmp_path / "tiny.toml").write_text(RECIPE.replace("classes = 10", "classes = 4"))
    folder = tmp_path / "<u>run&"
    subprocess.run(train(spikemix, tmp_path, folder), check=True, capture_output=True)
    out = tmp_path / "report.html"
    result = run(spikemix, "report", folder, "-o", out)
    assert result.returncode == 0, result.stderr
    page = Page(out)
    assert_loads_nothing(page)
    assert not page.wrong and not page.open
    assert not page.all("b") and not page.all("u")
    headings = [row for row in page.rows if row[0] == "class"][0]
    assert set(HOSTILE[:3]) <= set(headings) and "caf\u00e9?" in headings


def chromium():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(not chromium(), reason="no chromium: the page is not opened in a browser")
def test_a_browser_opens_it_without_complaint(place, page, tmp_path):
    """Without network or console errors; and the rendered page still has the numbers."""
    result = subprocess.run(
        [chromium(), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
         "--enable-logging=stderr", "--log-level=0", "--proxy-server=127.0.0.1:9", "--virtual-time-budget=5000",
         "--dump-dom", (place / "report.html").as_uri()], capture_output=True, text=True, timeout=120,
        env={**os.environ, "HOME": str(tmp_path)})
    assert not re.findall(r".*CONSOLE.*", result.stderr)
    (tmp_path / "dom.html").write_text(result.stdout)
    dom = Page(tmp_path / "dom.html")
    for chart in ("loss", "top1", "lr", "speed"):
        assert dom.lines(chart) == page.lines(chart)
    assert len(dom.all("img")) == len(page.all("img"))
