# SPDX-License-Identifier: MIT
"""How the program talks and ends: whatever becomes of its standard streams, and whatever bytes a name is made of."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from PIL import Image

from terminal import Terminal, columns_of
from tiny import make_place, metrics, run, train

ONE_LINE = re.compile(r"spikemix: [^\x00-\x1f\x7f]*\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("talk"), train=48, test=20)


@pytest.fixture(scope="module")
def trained(spikemix, place):
    assert run(*train(spikemix, place, place / "run")).returncode == 0
    return place / "run"


def assert_one_line(result, code, *parts):
    assert result.returncode == code, (result.returncode, result.stderr)
    assert ONE_LINE.fullmatch(result.stderr) and "internal error" not in result.stderr, repr(result.stderr)
    for part in parts:
        assert part in result.stderr, result.stderr


def assert_whole_run(folder):
    assert (folder / "summary.json").exists()
    assert len(metrics(folder, "epoch")) == 3


# --- standard error and the terminal ----------------------------------------------------------------------------------

def full_pipe():
    """The end to write to, non-blocking, of a pipe that nobody empties."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write, bytes(4096))
    return read, write


@pytest.mark.parametrize("where", ["full disk", "no reader", "full pipe"])
def test_a_standard_error_that_takes_nothing_ends_no_training(spikemix, place, tmp_path, where):
    if where == "full disk":
        ends = [os.open("/dev/full", os.O_WRONLY)]
    else:
        ends = list(full_pipe())
        if where == "no reader":
            os.close(ends.pop(0))
    result = subprocess.run(train(spikemix, place, tmp_path / "run"),
                            stderr=ends[-1], stdout=subprocess.DEVNULL, timeout=120)
    for end in ends:
        os.close(end)
    assert result.returncode == 0
    assert_whole_run(tmp_path / "run")


@pytest.mark.parametrize("closed", ["<&- 2>&-", "<&- >&- 2>&-", "<&-", "2>&-"])
def test_descriptors_closed_at_the_start_are_held(spikemix, place, tmp_path, closed):
    result = subprocess.run(["bash", "-c", f'"$@" {closed}', "-", *train(spikemix, place, tmp_path / "run")],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    assert result.returncode == 0
    assert_whole_run(tmp_path / "run")


def wait_for(path, process):
    end = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("ignored", [False, True], ids=["saves", "goes on under nohup"])
def test_a_terminal_that_is_gone(spikemix, place, tmp_path, ignored):
    terminal = Terminal(train(spikemix, place, tmp_path / "run", f"train.epochs={3 if ignored else 100000}"),
                        ignore=signal.SIGHUP if ignored else None)
    wait_for(tmp_path / "run" / "state.safetensors", terminal.process)
    terminal.close()
    code = terminal.process.wait(timeout=120)
    if ignored:
        assert code == 0
        assert_whole_run(tmp_path / "run")
    else:
        assert code == 130
        assert (tmp_path / "run" / "state.safetensors").exists() and not (tmp_path / "run" / "summary.json").exists()


def test_hangup_saves_as_termination_does(spikemix, place, tmp_path):
    process = subprocess.Popen(train(spikemix, place, tmp_path / "run", "train.epochs=100000"), text=True,
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_for(tmp_path / "run" / "state.safetensors", process)
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130 and said.endswith(f"go on with: spikemix resume {tmp_path}/run\n")


# --- standard output --------------------------------------------------------------------------------------------------

ANSWERS = [["mixers", "--json"], ["recipes"], ["recipes", "--keys"], ["--help"], ["eval", "--help"], ["--version"],
           ["info", "demo"], ["data", "formats"], ["events", "formats"]]


@pytest.mark.parametrize("arguments", ANSWERS, ids=" ".join)
def test_an_answer_that_is_lost_is_a_failure(spikemix, arguments):
    with open("/dev/full", "w") as full:
        result = subprocess.run([spikemix, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert_one_line(result, 1, "standard output", "No space left on device")
    closed = subprocess.run(["bash", "-c", '"$@" >&-', "-", spikemix, *arguments],
                            stderr=subprocess.PIPE, text=True, timeout=60)
    assert_one_line(closed, 1, "standard output")
    assert subprocess.run(["bash", "-c", '"$@" 2>&1 >/dev/full', "-", spikemix, "eval", "none.safetensors"],
                          stdout=subprocess.DEVNULL, timeout=60).returncode == 2
    with open("/dev/full", "w") as full:  # nobody can be told, and the code still says it
        assert subprocess.run([spikemix, "eval", "none.safetensors"], stderr=full, timeout=60).returncode == 2


def test_model_answers_that_are_lost(spikemix, trained, place):
    for arguments in [["eval", trained], ["eval", trained, "--json"], ["predict", "--model", trained],
                      ["info", trained], ["compare", trained], ["data", "info", place / "data", "--json"]]:
        with open("/dev/full", "w") as full:
            result = subprocess.run([spikemix, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert result.returncode == 1 and "No space left on device" in result.stderr, (arguments, result.stderr)


def test_a_run_is_whole_though_its_last_line_is_lost(spikemix, place, tmp_path):
    with open("/dev/full", "w") as full:
        result = subprocess.run(train(spikemix, place, tmp_path / "run"), stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=120)
    assert result.returncode == 1 and result.stderr.splitlines()[-1].startswith("spikemix: standard output")
    assert_whole_run(tmp_path / "run")


def test_a_run_whose_reader_has_left_is_done(spikemix, place, tmp_path):
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(train(spikemix, place, tmp_path / "run"), stdout=write, stderr=write, timeout=120)
    os.close(write)
    assert result.returncode == 0
    assert_whole_run(tmp_path / "run")


def test_a_reader_that_has_left_ends_it_quietly(spikemix):
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run([spikemix, "recipes", "--keys"], stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert result.returncode == -signal.SIGPIPE and result.stderr == b""


def test_a_slow_reader_of_a_non_blocking_pipe_gets_all(spikemix):
    read, write = full_pipe()
    process = subprocess.Popen([spikemix, "recipes", "--keys"], stdout=write)
    os.close(write)
    time.sleep(0.3)
    with open(read, "rb") as pipe:
        got = pipe.read().lstrip(b"\0").decode()
    assert process.wait(timeout=60) == 0 and got == run(spikemix, "recipes", "--keys").stdout


# --- the progress line ------------------------------------------------------------------------------------------------

NAMES = ["tiny", "a-name-that-is-far-too-long-for-a-line-of-a-terminal-of-eighty-columns-and-more", "猫" * 30,
         "e\u0301" * 50]


@pytest.mark.parametrize("columns", [80, 40, 12, 2])
@pytest.mark.parametrize("name", NAMES, ids=["short", "long", "wide", "combining"])
def test_the_progress_line_fits_the_terminal(spikemix, place, tmp_path, name, columns):
    recipe = (place / "tiny.toml").read_text().replace('"tiny"', f'"{name}"').replace("epochs = 3", "epochs = 1")
    (tmp_path / "r.toml").write_text(recipe.replace("warmup_epochs = 1", "warmup_epochs = 0"))
    text = Terminal([spikemix, "train", tmp_path / "r.toml", "--data", place / "data", "--out", tmp_path / "run"],
                    columns).read()
    drawn = [part for part in re.findall(r"\r([^\r\n]*)", text) if part and "train loss" not in part]
    assert drawn and max(map(columns_of, drawn)) < columns, drawn
    if columns == 80:
        assert any("ETA" in part for part in drawn)
    assert "\x1b" not in text.split(f"{tmp_path}/run: ")[0]


def test_the_progress_line_follows_the_terminals_width(spikemix, place, tmp_path):
    terminal = Terminal(train(spikemix, place, tmp_path / "run", "train.epochs=100000"), columns=100)
    wait_for(tmp_path / "run" / "state.safetensors", terminal.process)
    terminal.resize(30)
    time.sleep(0.5)
    assert "\r" in terminal.waiting()
    time.sleep(0.5)
    terminal.process.send_signal(signal.SIGTERM)
    text = terminal.read()
    drawn = [part for part in re.findall(r"\r([^\r\n]*)", text) if "epoch" in part and "train loss" not in part]
    assert drawn and max(map(columns_of, drawn)) < 30, drawn


def test_plain_lines_where_no_terminal_is(spikemix, place, tmp_path):
    piped = run(*train(spikemix, place, tmp_path / "run")).stderr
    dumb = Terminal(train(spikemix, place, tmp_path / "dumb"), TERM="dumb").read()
    for text in [piped, dumb.replace("\r\n", "\n")]:
        assert "\x1b" not in text and "\r" not in text
        assert sum("ETA" in line for line in text.splitlines()) == 1, text  # of a second's run


# --- names ------------------------------------------------------------------------------------------------------------

def write_pictures(folder, classes):
    for split in [b"train", b"test"]:
        for k, name in enumerate(classes):
            os.makedirs(os.path.join(os.fsencode(folder), split, name))
            for i in range(8):
                Image.new("RGB", (16, 16), (80 * k, i, 3 * i)).save(
                    open(os.path.join(os.fsencode(folder), split, name, b"%d.png" % i), "wb"), "png")


def from_json(text):
    """Names as they are on the disk: \\uef80 to \\uefff stand for the bytes 0x80 to 0xff."""
    return b"".join(bytes([ord(c) - 0xef00]) if 0xef80 <= ord(c) <= 0xefff else c.encode() for c in text)


def test_names_that_are_no_utf8(spikemix, place, tmp_path):
    classes = [b"caf\xe8", b"caf\xe9", "猫".encode("gbk"), "猫".encode()]
    home = os.fsencode(tmp_path) + b"/\xb0\xa1"
    os.mkdir(home)
    data, out = home + b"/d\xff", home + b"/r\xfe"
    write_pictures(data, classes)

    def command(*arguments):
        result = subprocess.run([spikemix, *arguments], capture_output=True, timeout=120,
                                env={**os.environ, "SPIKEMIX_CACHE": os.fsdecode(home + b"/cache\xfd")})
        assert result.returncode == 0, result.stderr
        result.stdout.decode(), result.stderr.decode()  # UTF-8
        return result.stdout

    assert "caf\ufffd" in command("data", "info", data).decode()
    listed = json.loads(command("data", "info", data, "--json"))["classes"]
    assert sorted(map(from_json, listed)) == sorted(classes)
    summary = json.loads(command("train", place / "tiny.toml", "--data", data, "--out", out, "--json", b"name=n\xff",
                                 "model.classes=4", "model.channels=3", "train.batch=8"))
    assert from_json(summary["run"]) == out and from_json(summary["name"]) == b"n\xff"
    os.remove(out + b"/summary.json")
    command("resume", out)  # finds its data again
    assert json.loads(command("eval", out, "--json"))["images"] == 32
    assert from_json(json.loads(command("info", out, "--json"))["classes"][0]) in classes
    picture = data + b"/test/caf\xe9/1.png"
    assert from_json(json.loads(command("predict", "--model", out, picture, "--json"))[0]["file"]) == picture
    assert "\ufffd" in command("predict", "--model", out, picture).decode()
    command("export", out, "-o", home + b"/small\xff.safetensors")
    command("compare", out, "--json"), command("compare", out)


@pytest.mark.parametrize("name", ["x\n\x1b[31my", "a\rb", "\x9b1m", "\u202egpj"])
def test_a_name_breaks_no_line(spikemix, trained, tmp_path, name):
    for arguments in [["eval", name], ["info", f"{name}.safetensors"], ["predict", "--model", trained, name],
                      ["data", "info", name], ["train", name], ["train", "demo", f"{name}=1"], ["resume", name],
                      ["events", "info", name], [name], ["eval", trained, f"--{name}"]]:
        result = run(spikemix, *arguments, cwd=tmp_path)
        assert_one_line(result, 2)
        assert not set("\x9b\u202e") & set(result.stderr), arguments
    shutil.copytree(trained, tmp_path / name)
    shown = run(spikemix, "eval", tmp_path / name).stdout
    assert shown.count("\n") == 1 and not set("\x1b\r\x9b\u202e") & set(shown)


# --- what is read back ------------------------------------------------------------------------------------------------

def test_own_files_that_nest_without_end(spikemix, trained, tmp_path):
    deep = '{"config": ' + "[" * 300_000 + "]" * 300_000 + "}"
    bad = tmp_path / "run"
    shutil.copytree(trained, bad)
    (bad / "config.json").write_text(deep)
    (bad / "summary.json").write_text(deep)
    assert_one_line(run(spikemix, "eval", bad), 2, "config.json")
    compared = run(spikemix, "compare", bad)
    assert compared.returncode == 2 and "summary.json is damaged" in compared.stderr, compared.stderr
    (bad / "summary.json").unlink()
    assert_one_line(run(spikemix, "resume", bad), 2, "config.json")


# --- exit codes -------------------------------------------------------------------------------------------------------

def wrong_paths(folder):
    (folder / "file").write_text("x")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    return ["none", "file/below", "x" * 300, "y/" * 3000 + "z", "loop", "loop/below", "dangling"]


def test_a_path_that_cannot_be_is_the_users(spikemix, trained, place, tmp_path):
    for path in wrong_paths(tmp_path):
        for arguments in [["eval", path], ["eval", f"{path}.safetensors"], ["eval", trained, "--data", path],
                          ["info", path], ["predict", "--model", path, path], ["predict", "--model", trained, path],
                          ["data", "info", path],
                          ["stream", path, "--model", path], ["export", path, "-o", "o.safetensors"], ["import", path],
                          ["compare", path], ["bench", path], ["events", "info", path], ["resume", path],
                          ["events", "simulate", path, "o"], ["train", path],
                          ["train", place / "tiny.toml", "--data", path, "--out", "o"]]:
            assert_one_line(run(spikemix, *arguments, cwd=tmp_path), 2)


def test_a_place_that_cannot_be_written_is_the_users(spikemix, trained, place, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    for folder in ["file/below", "x" * 300, "loop/below"]:
        assert_one_line(run(spikemix, "export", trained, "-o", f"{folder}/m.safetensors", cwd=tmp_path), 2)
        result = run(*train(spikemix, place, folder), cwd=tmp_path)
        assert result.returncode == 2 and "internal error" not in result.stderr, result.stderr


def test_what_is_empty_is_said_to_be(spikemix, trained):
    for arguments in [["eval", ""], ["train", ""], ["train", "demo", "--data", ""], ["train", "demo", "--data="], [""],
                      ["info", ""], ["predict", "--model", trained, ""], ["eval", "--model=", trained]]:
        assert_one_line(run(spikemix, *arguments), 2, "is empty")


def test_no_other_format_is_promised(spikemix, trained, tmp_path):
    for name in ["m.onnx", "m.pth", "m"]:
        assert_one_line(run(spikemix, "export", trained, "-o", tmp_path / name), 2, name, ".safetensors")
        assert_one_line(run(spikemix, "import", "x.pth", "-o", tmp_path / name), 2, name, ".safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_program_without_its_other_half_says_what_is_missing(spikemix, tmp_path):
    copy = pathlib.Path(shutil.copy(spikemix, tmp_path / "spikemix"))
    for arguments in [["train", "demo"], ["resume", "runs/x"], ["bench", "demo", "--train"]]:
        assert_one_line(run(copy, *arguments, cwd=tmp_path), 2, f"{tmp_path}/spikemix-torch")
    assert run(copy, "recipes").returncode == 0
    (tmp_path / "spikemix-torch").write_text("no program")
    assert_one_line(run(copy, "train", "demo", cwd=tmp_path), 2, f"{tmp_path}/spikemix-torch")
