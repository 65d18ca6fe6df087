# SPDX-License-Identifier: MIT
"""`spikemix events` on real recordings, against numpy and the figures of independent readers."""
import json
import struct

import numpy as np
from PIL import Image

from tiny import run


def read_aedat3(file):
    """Reads AEDAT 3.1 as SpikingJelly's load_aedat_v3 does (importing that needs torchvision)."""
    content = file.read_bytes()
    at = content.index(b"#!END-HEADER\r\n") + 14
    parts = {key: [] for key in "txyp"}
    while at < len(content):
        header = np.frombuffer(content, "<i4", 6, at + 4)
        words = np.frombuffer(content, "<u4", 2 * header[3], at + 28).astype(np.int64)
        at += 28 + 8 * header[3]
        parts["t"].append(words[1::2] | int(header[2]) << 31)
        parts["x"].append(words[::2] >> 17 & 0x7FFF)
        parts["y"].append(words[::2] >> 2 & 0x7FFF)
        parts["p"].append(words[::2] >> 1 & 1)
    return {key: np.concatenate(part) for key, part in parts.items()}


def test_npz_equals_the_definition(spikemix, recorded, tmp_path):
    recording = recorded / "single" / "gesture-6.aedat"
    result = run(spikemix, "events", "convert", recording, tmp_path / "a.npz")
    assert result.returncode == 0, result.stderr
    ours, theirs = np.load(tmp_path / "a.npz"), read_aedat3(recording)
    for key in "txyp":
        assert np.array_equal(ours[key], theirs[key]), key


def test_cut_to_aedat(spikemix, recorded, tmp_path):
    recording = recorded / "single" / "gesture-6.npz"
    result = run(spikemix, "events", "cut", recording, tmp_path / "a.aedat", "--from", 1000, "--to", 500000)
    assert result.returncode == 0, result.stderr
    ours, theirs = read_aedat3(tmp_path / "a.aedat"), np.load(recording)
    kept = (theirs["t"] >= 1000) & (theirs["t"] < 500000)
    assert 0 < kept.sum() < len(kept)
    for key in "txyp":
        assert np.array_equal(ours[key], theirs[key][kept]), key


def test_info_has_the_keys_of_the_ground_truth(spikemix, recorded):
    for truth in sorted(recorded.glob("single/*.json")):
        expected = json.loads(truth.read_text())
        found = json.loads(run(spikemix, "events", "info", truth.with_suffix(""), "--json").stdout)
        assert set(found) == {"format", "width", "height", "events", "first_t", "last_t", "on", "off", "sum_x", "sum_y",
                              "monotonic"}
        assert expected.pop("format").startswith(found.pop("format"))
        assert found == {key: expected[key] for key in found}, truth.name


def test_malformed_files_get_one_line_that_names_the_byte(spikemix, recorded):
    refused = 0
    for file in sorted((recorded / "malformed").iterdir()):
        result = run(spikemix, "events", "info", file)
        if file.name == "aedat31-header-only.aedat":  # a recording in which nothing happened
            assert result.returncode == 0
            continue
        assert result.returncode == 2, (file.name, result.stderr)
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1 and f"{file.name}, byte " in result.stderr, result.stderr
        refused += 1
    assert refused >= 15


def test_an_assumed_sensor_is_reported_once(spikemix, tmp_path):
    raw = tmp_path / "no-geometry.raw"
    words = [0x8000, 0x6001, 0x0005, 0x2807, 0x6009, 0x2003]  # EVT3: time, row 5, columns 7 and 3
    raw.write_bytes(b"% evt 3.0\n% end\n" + struct.pack(f"<{len(words)}H", *words))
    for arguments in [["info", raw], ["convert", raw, tmp_path / "o.npz"], ["render", raw, tmp_path / "o.png"]]:
        said = run(spikemix, "events", *arguments).stderr
        assert said.count("\n") == 1 and "8 x 6 pixels" in said and "no-geometry.raw" in said, said
        assert run(spikemix, "events", *arguments, "--size", "8x6").stderr == ""


def test_simulate_is_the_same_on_any_number_of_threads(spikemix, tmp_path):
    for split, count in (("train", 6), ("test", 2)):
        for i in range(count):
            folder = tmp_path / "pictures" / split / "ab"[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng(i).integers(0, 256, (24, 32, 3), np.uint8)).save(folder / f"{i}.png")
    for threads in (1, 3):
        result = run(spikemix, "events", "simulate", tmp_path / "pictures", tmp_path / f"out{threads}", "--threads",
                     threads, "--size", "40x30", "--duration", 20)
        assert result.returncode == 0, result.stderr
    files = sorted((tmp_path / "out1").rglob("*.aedat"))
    assert len(files) == 8
    for file in files:
        other = tmp_path / "out3" / file.relative_to(tmp_path / "out1")
        assert file.read_bytes() == other.read_bytes()
        assert len(read_aedat3(file)["t"]) > 100
