# SPDX-License-Identifier: MIT
"""No command overwrites its input or a file of another kind; and a training that cannot start leaves no run."""
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil

import numpy as np
import pytest
import safetensors.numpy
import torch
from PIL import Image

import tiny
from test_event_data import write_recording
from test_import import RECIPE, C
from test_model import published
from tiny import make_place, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Data, a recipe, and inputs of commands: a picture, a recording, somebody's checkpoint, an energy table."""
    folder = make_place(tmp_path_factory.mktemp("outputs"), train=80, test=40)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)).save(folder / "cat.png")
    write_recording(folder / "recording.npz", label=1, seed=2)
    torch.save({"state_dict": published(C, "ssa").state_dict()}, folder / "others.pth")
    (folder / "others").mkdir()  # as on Hugging Face
    shutil.copyfile(folder / "others.pth", folder / "others" / "pytorch_model.bin")
    (folder / "imported.toml").write_text(RECIPE)
    (folder / "chip.toml").write_text(
        'name = "chip"\nreal_multiply = 4\nreal_add = 1\nmultiply = 0.2\nadd = 0.03\nbyte = 2\n')
    (folder / "page.html").write_text("<!DOCTYPE html>\n<html><body>My own page.</body></html>\n")
    return folder


@pytest.fixture(scope="module")
def trained(spikemix, place):
    out = place / "run"
    tiny.trained(spikemix, place, out, "data.test_images=20", "train.epochs=2")
    return out


@dataclasses.dataclass
class Command:
    words: list[str]  # names of files in place(); OUT is the file to write
    ending: str
    reads: list[str]  # of those files
    without: str = ""  # the file without which it cannot work: a refusal must come before the work


SCALING = ["bench", "--scaling", "tiny.toml", "--tokens", "64", "--mixers", "fft2d", "--seconds", "0", "--threads", "1"]
COMMANDS = {
    "report": Command(["report", "run", "--picture", "cat.png", "-o", "OUT"], ".html", ["cat.png"], "cat.png"),
    "eval": Command(["eval", "run", "--answers", "OUT"], ".safetensors", ["run/best/model.safetensors"], "data"),
    "export": Command(["export", "run", "--calibrate", "data", "-o", "OUT"], ".safetensors",
                      ["run/best/model.safetensors"], "data"),
    "import": Command(["import", "others.pth", "--recipe", "imported.toml", "-o", "OUT"], ".safetensors",
                      ["others.pth", "imported.toml"], "others.pth"),
    "import of a folder": Command(["import", "others", "--recipe", "imported.toml", "-o", "OUT"], ".safetensors",
                                  ["others/pytorch_model.bin"], "others"),
    "convert": Command(["events", "convert", "recording.npz", "OUT"], ".npz", ["recording.npz"], "recording.npz"),
    "convert to aedat": Command(["events", "convert", "recording.npz", "OUT"], ".aedat", ["recording.npz"]),
    "convert to aedat4": Command(["events", "convert", "recording.npz", "OUT"], ".aedat4", ["recording.npz"]),
    "cut": Command(["events", "cut", "recording.npz", "OUT", "--to", "50000"], ".npz", ["recording.npz"],
                   "recording.npz"),
    "render": Command(["events", "render", "recording.npz", "OUT"], ".png", ["recording.npz"], "recording.npz"),
    "animate": Command(["events", "render", "recording.npz", "OUT"], ".apng", ["recording.npz"], "recording.npz"),
    "simulate": Command(["events", "simulate", "cat.png", "OUT", "--duration", "20"], ".aedat", ["cat.png"], "cat.png"),
    "count": Command(["count", "run", "--table", "chip.toml", "--csv", "OUT"], ".csv", ["chip.toml"], "data"),
    "scaling": Command([*SCALING, "--csv", "OUT"], ".csv", ["tiny.toml"]),
    "plot": Command([*SCALING, "--plot", "OUT"], ".svg", ["tiny.toml"]),
}
WITHOUT = [name for name, command in COMMANDS.items() if command.without]
every_command = pytest.mark.parametrize("name", COMMANDS)


def call(spikemix, place, name, out):
    """Calls the command on files in place(), by their own names."""
    return [spikemix, *(out if word == "OUT" else word for word in COMMANDS[name].words)]


def fingerprint(file):
    return hashlib.sha256(file.read_bytes()).digest()


def refuses(place, word, command, *files):
    before = [fingerprint(file) for file in files]
    result = run(*command, cwd=place)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1 and word in result.stderr, result.stderr
    assert [fingerprint(file) for file in files] == before
    return result.stderr


@every_command
def test_an_output_replaces_one_of_its_kind(spikemix, place, trained, tmp_path, name):
    out = tmp_path / ("out" + COMMANDS[name].ending)
    for _ in range(2):
        result = run(*call(spikemix, place, name, out), cwd=place)
        assert result.returncode == 0 and out.stat().st_size > 0, result.stderr
    assert [file.name for file in tmp_path.iterdir()] == [out.name]


@every_command
def test_an_empty_file_may_be_replaced(spikemix, place, trained, tmp_path, name):
    out = tmp_path / ("out" + COMMANDS[name].ending)
    out.touch()
    result = run(*call(spikemix, place, name, out), cwd=place)
    assert result.returncode == 0 and out.stat().st_size > 0, result.stderr


@every_command
@pytest.mark.parametrize("other", ["cat.png", "recording.npz", "others.pth", "page.html", "tiny.toml",
                                   "run/config.json", "run/metrics.jsonl", "run/last/model.safetensors",
                                   "data/t10k-labels-idx1-ubyte"])
def test_no_output_replaces_a_file_of_another_kind(spikemix, place, trained, tmp_path, name, other):
    if COMMANDS[name].ending in (".npz", ".aedat", ".aedat4") and other == "recording.npz":
        return  # one of its kind
    out = tmp_path / ("out" + COMMANDS[name].ending)
    shutil.copyfile(place / other, out)
    refuses(place, f"{out}: the file exists and holds no", call(spikemix, place, name, out), out)


def partial_name(out):
    """The file that is written first."""
    return out.with_name(f".spikemix-{out.name}.partial")


def names_of(file, ending, tmp_path):
    """Different names of the same file."""
    link, hard = tmp_path / ("link" + ending), tmp_path / ("hard" + ending)
    link.symlink_to(file)
    os.link(file, hard)
    yield from [link, hard]
    if file.suffix == ending:
        yield from [file, file.parent / ".." / file.parent.name / file.name]


@every_command
def test_no_output_replaces_an_input_by_any_name(spikemix, place, trained, tmp_path, name):
    for number, read in enumerate(COMMANDS[name].reads):
        folder = tmp_path / str(number)
        folder.mkdir()
        for out in names_of(place / read, COMMANDS[name].ending, folder):
            refuses(place, str(out), call(spikemix, place, name, out), place / read)


@every_command
def test_an_input_is_not_overwritten_as_a_partial_file(spikemix, place, trained, tmp_path, name):
    for number, read in enumerate(COMMANDS[name].reads):
        out = tmp_path / (str(number) + COMMANDS[name].ending)
        os.link(place / read, partial_name(out))
        refuses(place, "which this command reads", call(spikemix, place, name, out), place / read)
        assert not out.exists()


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.parametrize("folder", ["/proc", "/no/such/folder", "cat.png"])
def test_an_unwritable_folder_is_found_before_the_work(spikemix, place, trained, tmp_path, name, folder):
    """The work itself would fail, because its input does not exist."""
    read = place / COMMANDS[name].without
    read.rename(tmp_path / "away")
    try:
        out = pathlib.Path(folder) / ("out" + COMMANDS[name].ending)
        refuses(place, f"{out}: cannot create: ", call(spikemix, place, name, out))
    finally:
        (tmp_path / "away").rename(read)


@every_command
def test_standard_output_and_folders_are_refused(spikemix, place, trained, name):
    refuses(place, " -: expected a file name", call(spikemix, place, name, "-"))
    ending = COMMANDS[name].ending
    folder = place / ("folder" + ending)
    folder.mkdir(exist_ok=True)
    refuses(place, "is a folder", call(spikemix, place, name, folder))


def test_two_outputs_need_two_files(spikemix, place):
    (place / "again").mkdir()
    for other in ["both.csv", "again/../both.csv"]:
        error = refuses(place, "--csv and --plot", [spikemix, *SCALING, "--csv", "both.csv", "--plot", other])
        assert "expected two files" in error and not (place / "both.csv").exists()


def test_a_rendered_prediction_does_not_replace_a_picture(spikemix, place, trained):
    command = [spikemix, "predict", "recording.npz", "--model", "run", "--render", "cat.png"]
    refuses(place, "--render cat.png: the file exists and holds no picture of spikemix", command, place / "cat.png")


@pytest.fixture
def pictures(place, tmp_path):
    """Of each split two cats and a dog."""
    for split in ["train", "test"]:
        for name in ["cat/1.png", "cat/2.png", "dog/3.png"]:
            file = tmp_path / "pictures" / split / name
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place / "cat.png", file)
    return tmp_path / "pictures"


BY_A_CAMERA = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2017-04-26\r\n#!END-HEADER\r\n"


@pytest.mark.parametrize("out", ["pictures", "pictures/recordings", ".", "elsewhere", "others", "linked", "cat.png"])
def test_simulated_recordings_go_to_a_folder_of_their_own(spikemix, place, pictures, tmp_path, out):
    for folder, name in [("elsewhere", "1.npz"), ("others", "000001.aedat"), ("cats", "000001.txt")]:
        (tmp_path / folder / "train" / "cat").mkdir(parents=True)
        (tmp_path / folder / "train" / "cat" / name).write_bytes(BY_A_CAMERA)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "train").symlink_to(tmp_path / "cats" / "train")
    shutil.copyfile(place / "cat.png", tmp_path / "cat.png")
    before = sorted(tmp_path.rglob("*"))
    refuses(tmp_path, f"OUT {out}: ", [spikemix, "events", "simulate", "pictures", out])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_simulation_replaces_an_earlier_one_as_a_whole(spikemix, pictures, tmp_path):
    def recordings():
        return sorted(str(file.relative_to(tmp_path / "made")) for file in (tmp_path / "made").rglob("*")
                      if not file.is_dir() and file.name != ".spikemix-simulation")

    def simulate(*flags, source="pictures", code=0):
        result = run(spikemix, "events", "simulate", source, "made", "--duration", 20, *flags, cwd=tmp_path)
        assert result.returncode == code, result.stderr
        return result.stderr

    assert simulate() == ""
    assert recordings() == [f"{split}/{name}.aedat" for split in ["test", "train"]
                            for name in ["cat/000000", "cat/000001", "dog/000002"]]
    partial_name(tmp_path / "made" / "train" / "cat" / "000009.aedat").touch()  # of one that was killed
    assert simulate("--limit", 1) == "spikemix: made: 7 files of an earlier simulation are replaced\n"
    assert recordings() == ["test/cat/000000.aedat", "train/cat/000000.aedat"]
    (tmp_path / "empty").mkdir()
    simulate(source="empty", code=2)
    assert len(recordings()) == 2, "nothing is removed before the pictures are there"
    (tmp_path / "pictures" / "train" / "dog").rename(tmp_path / "pictures" / "train" / "wolf")
    (tmp_path / "pictures" / "test" / "dog").rename(tmp_path / "pictures" / "test" / "wolf")
    simulate()
    assert len(recordings()) == 6 and not (tmp_path / "made" / "train" / "dog").exists()
    assert run(spikemix, "data", "info", "made", cwd=tmp_path).returncode == 0
    (tmp_path / "made" / ".spikemix-simulation").unlink()  # without it they may be anybody's, by `events convert`
    assert "which no earlier simulation wrote" in simulate(code=2) and len(recordings()) == 6


@pytest.mark.parametrize("out", ["run/best", "run/best/mine", "run/new", "run/../run/new", "link/new", None])
@pytest.mark.parametrize("command", ["train", "sweep", "simulate"])
def test_nothing_makes_a_folder_in_a_run(spikemix, place, trained, pictures, tmp_path, command, out):
    (tmp_path / "link").symlink_to(trained)
    (tmp_path / "run").symlink_to(trained)
    (tmp_path / "sweep.toml").write_text(f'recipe = "{place}/tiny.toml"\n')
    words = {"train": ["train", place / "tiny.toml", "--data", place / "data"],
             "sweep": ["sweep", tmp_path / "sweep.toml", "--data", place / "data"],
             "simulate": ["events", "simulate", pictures]}[command]
    cwd = tmp_path
    if out is None:  # where runs go of themselves, from inside of one
        cwd, out = trained / "best", {"train": "runs/tiny", "sweep": "runs/sweep", "simulate": "here"}[command]
        words += [out] if command == "simulate" else []
    else:
        words += [out] if command == "simulate" else ["--out", out]
    before = sorted(trained.rglob("*"))
    error = refuses(cwd, f" {out}: belongs to the run {trained}; name a folder elsewhere", [spikemix, *words])
    assert error.count("run folder:") == 0 and sorted(trained.rglob("*")) == before


def test_a_config_alone_makes_no_run(spikemix, pictures, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert run(spikemix, "events", "simulate", "pictures", "made", "--duration", 20, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("out, said", [("data", "is the data set"), ("data/../data", "is the data set"),
                                       ("other", "holds a (run|sweep) already")])
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_runs_and_sweeps_have_folders_of_their_own(spikemix, place, trained, tmp_path, command, out, said):
    shutil.copytree(place / "data", tmp_path / "data")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ("sweep.json" if command == "train" else "config.json")).write_text("{}")
    (tmp_path / "sweep.toml").write_text(f'recipe = "{place}/tiny.toml"\n')
    recipe = place / "tiny.toml" if command == "train" else "sweep.toml"
    before = sorted(tmp_path.rglob("*"))
    error = refuses(tmp_path, f"--out {out}: ", [spikemix, command, recipe, "--data", "data", "--out", out])
    assert re.search(said, error) and sorted(tmp_path.rglob("*")) == before


def test_damaged_answers_can_be_replaced(spikemix, place, trained):
    answers = trained / "best" / "test_answers.safetensors"
    whole = answers.read_bytes()
    answers.write_bytes(whole[:-7])
    result = run(spikemix, "eval", "run", "--answers", answers, cwd=place)
    assert result.returncode == 0 and safetensors.numpy.load_file(answers)["answer"].shape == (20,), result.stderr


def test_libtorch_refuses_an_export(spikemix, place, trained, tmp_path):
    out = tmp_path / "small.safetensors"
    for precision in ["int8", "int16"]:
        assert run(spikemix, "export", trained, "--precision", precision, "-o", out).returncode == 0
        for command in [["eval", out, "--data", place / "data"], ["predict", "cat.png", "--model", out],
                        ["bench", out, "--data", place / "data"]]:
            refuses(place, "its weights are integers", [spikemix, *command, "--engine", "torch"], out)


def test_answers_are_on_the_images_of_the_run(spikemix, trained):
    answers = trained / "best" / "test_answers.safetensors"
    result = run(spikemix, "eval", trained, "--answers", answers, "--json")
    assert result.returncode == 0 and json.loads(result.stdout)["images"] == 20, result.stderr


def test_a_file_of_answers_is_not_a_model(spikemix, trained):
    answers = trained / "best" / "test_answers.safetensors"
    refuses(trained, "not a model file", [spikemix, "info", answers], answers)


@pytest.mark.parametrize("channels", [2, 4, 64])
def test_pictures_have_one_channel_or_three(spikemix, place, channels):
    out = place / f"channels-{channels}"
    result = run(*tiny.train(spikemix, place, out, f"model.channels={channels}"))
    assert result.returncode == 2 and f"model.channels = {channels}" in result.stderr, result.stderr
    assert not out.exists()


def test_a_model_of_recordings_refuses_pictures_and_leaves_no_run(spikemix, place):
    out = place / "events"
    result = run(*tiny.train(spikemix, place, out, "model.input=events", "model.channels=2"))
    assert result.returncode == 2 and "model.input" in result.stderr, result.stderr
    assert not out.exists()


def test_what_is_in_the_way_of_a_partial_file_is_kept(spikemix, place, tmp_path):
    precious, out = tmp_path / "precious.txt", tmp_path / "out.npz"
    precious.write_text("precious")
    own = out.with_name("out.npz.partial")
    own.write_text("the user's own")
    for make in [lambda: partial_name(out).symlink_to(precious), lambda: os.link(precious, partial_name(out)),
                 lambda: os.mkfifo(partial_name(out))]:
        make()
        refuses(place, "is in the way", call(spikemix, place, "convert", out), precious, own)
        partial_name(out).unlink()
    assert run(*call(spikemix, place, "convert", out), cwd=place).returncode == 0
    assert own.read_text() == "the user's own"
