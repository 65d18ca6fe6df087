# SPDX-License-Identifier: MIT
"""Recordings as other tools write them: what is certain is read, the rest is refused with a line that names a
flag of the command."""
import json

import numpy as np
import pytest

from tiny import run

N = 500


@pytest.fixture
def columns():
    rng = np.random.default_rng(3)
    return {"t": np.sort(rng.integers(0, 300_000, N)), "x": rng.integers(0, 300, N), "y": rng.integers(0, 200, N),
            "p": rng.integers(0, 2, N)}


def info(spikemix, file, *flags):
    result = run(spikemix, "events", "info", file, "--json", *flags)
    assert result.returncode == 0, result.stderr
    return {key: value for key, value in json.loads(result.stdout).items() if key in
            ("events", "first_t", "last_t", "on", "sum_x", "sum_y")}


def of(columns):
    return {"events": N, "first_t": columns["t"][0], "last_t": columns["t"][-1], "on": columns["p"].sum(),
            "sum_x": columns["x"].sum(), "sum_y": columns["y"].sum()}


def records(columns, types):
    array = np.zeros(N, types)
    for key in "txyp":
        array[key] = columns[key]
    return array


@pytest.mark.parametrize("types", [
    [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")],
    [("t", ">u4"), ("p", "i1"), ("x", ">f4"), ("y", "u1")],
    [(("time in us", "t"), "<f8"), (("column", "x"), "<u2"), ("y", "<u2"), (("on or off", "p"), "?")],
    [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "?"), ("track", [("id", "<i4"), ("box", "<f4", (4,))]),
     ("by", "U8")],
    np.dtype([("p", "?"), ("t", "<i8"), ("x", "<u2"), ("y", "<u2")], align=True),
], ids=["tonic", "big-endian", "titles", "nested", "aligned"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_records_beside_other_arrays(spikemix, tmp_path, columns, types, save):
    file = tmp_path / "a.npz"
    others = {"label": 3, "name": "wave", "sensor_size": np.array([346, 260, 2]), "frames": np.ones((3, 4)),
              "of": np.array([{"a": 1}], object), "t": np.arange(3)}
    save(file, events=records(columns, types), **others)
    assert info(spikemix, file) == of(columns)


def test_arrays_as_others_type_them(spikemix, tmp_path, columns):
    file = tmp_path / "a.npz"
    variants = [
        {key: value.astype(float) for key, value in columns.items()},  # as np.loadtxt returns them
        {**columns, "p": (2 * columns["p"] - 1).astype("i1")},
        {**columns, "p": 2.0 * columns["p"] - 1},
        {**columns, "p": columns["p"].astype(bool)},
        {key: value[:, None] for key, value in columns.items()},
        {key: value[::-1][::-1].astype(">i4") for key, value in columns.items()},
        {"timestamp": columns["t"].astype("u8"), "x": columns["x"], "y": columns["y"], "polarity": columns["p"],
         "label": 1},
    ]
    for arrays in variants:
        np.savez(file, **arrays)
        assert info(spikemix, file) == of(columns)


def test_seconds_need_their_unit(spikemix, tmp_path, columns):
    file = tmp_path / "a.npz"
    for times, unit in [(columns["t"] * 1e-6, "s"), (columns["t"] * 1e-3, "ms"), (columns["t"] * 1000, "ns")]:
        np.savez(file, **{**columns, "t": times})
        if unit != "ns":
            result = run(spikemix, "events", "info", file)
            assert result.returncode == 2 and result.stderr.count("\n") == 1 and "--time-unit" in result.stderr
        assert info(spikemix, file, "--time-unit", unit) == of(columns)
    wrong = run(spikemix, "events", "info", file, "--time-unit", "h").stderr
    assert "--time-unit 'h': expected s, ms, us or ns" in wrong


def test_what_is_not_certain_is_refused(spikemix, tmp_path, columns):
    file = tmp_path / "a.npz"
    table = np.stack([columns[key] for key in "xytp"], axis=1)
    refused = [
        ({"events": table}, "(500, 4)"),
        ({"events": np.asfortranarray(table)}, "(500, 4)"),
        ({**columns, "x": columns["x"] + 0.5}, "expected a whole number"),
        ({**columns, "t": np.full(N, np.nan)}, "t = nan in element 0"),
        ({**columns, "p": columns["p"] * 255}, "p = 255"),
        ({**columns, "p": np.arange(N) % 3 - 1}, "expected 0 and 1, or -1 and 1"),
        ({**columns, "t": columns["t"].astype("M8[us]")}, "t.npy: its elements are not numbers"),
        ({"a": records(columns, [(k, "i8") for k in "txyp"]), "b": records(columns, [(k, "i8") for k in "txyp"])},
         "both hold records"),
    ]
    for arrays, why in refused:
        np.savez(file, **arrays)
        result = run(spikemix, "events", "info", file)
        assert result.returncode == 2 and result.stdout == "" and result.stderr.count("\n") == 1, result.stderr
        assert "a.npz, byte " in result.stderr and why in result.stderr, result.stderr


def test_commands_have_the_flags_that_errors_name(spikemix):
    for command in [["events", "info"], ["events", "convert"], ["events", "cut"], ["events", "render"], ["stream"],
                    ["predict"], ["eval"], ["bench"], ["export"], ["data", "info"], ["train"]]:
        text = run(spikemix, *command, "--help").stdout
        for flag in ["--size", "--time-unit"] + (["--truncated", "--unordered"] if command[0] in
                                                 ("events", "stream", "predict") else []):
            assert flag in text, (command, flag)


def v2e(columns, width, height):
    """As v2ecore/output/aedat2_output.py writes it, without a line that names the chip."""
    address = (width - 1 - columns["x"]) << 12 | (height - 1 - columns["y"]) << 22 | columns["p"] << 11
    words = np.stack([address, columns["t"]], axis=1).astype(">i4")
    return b"#!AER-DAT2.0\r\n# Timestamps tick is 1 us\r\n" + words.tobytes()


def test_data_sets_of_recordings_that_do_not_say_enough(spikemix, tmp_path, columns):
    columns["x"] %= 240
    columns["y"] %= 180
    for name in "01":
        (tmp_path / "set" / "train" / name).mkdir(parents=True)
        (tmp_path / "set" / "train" / name / "a.aedat").write_bytes(v2e(columns, 240, 180))
    arguments = ["data", "info", tmp_path / "set", "--cache", "off"]
    result = run(spikemix, *arguments)
    assert result.returncode == 2 and "a.aedat, byte 41: no line '# AEChip:'" in result.stderr, result.stderr
    assert "--size" in result.stderr
    result = run(spikemix, *arguments, "--size", "240x180")
    assert result.returncode == 0 and "240 x 180 pixels" in result.stdout, result.stderr
    assert info(spikemix, tmp_path / "set" / "train" / "0" / "a.aedat", "--size", "240x180") == of(columns)
