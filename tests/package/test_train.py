# SPDX-License-Identifier: MIT
"""spikemix.train: the training program, driven from Python. A small program takes its place; the real one, if a build
or $SPIKEMIX_TRAIN has it, shows that the small one is faithful."""
import json
import os
import pathlib
import signal
import sys
import textwrap
import types

import pytest

import spikemix
from spikemix import training

from places import BUILD
from terminal import Terminal
from tiny import make_place

# Trains "train.epochs" epochs, of a tenth of a second and two steps each; stops and saves at SIGHUP.
PROGRAM = """\
#!PYTHON
import json, os, pathlib, signal, sys, time
words = sys.argv[1:]
asked = []
for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(name, lambda number, _: asked.append(number))
settings = dict(word.split("=", 1) for word in words[2:] if "=" in word)
if settings.get("train.lr") == "much":
    print("spikemix: train.lr = much: expected a number", file=sys.stderr)
    sys.exit(2)
resumed = words[0] == "resume"
run = pathlib.Path(words[1] if resumed else words[words.index("--out") + 1] if "--out" in words else "runs/made")
run.mkdir(parents=True, exist_ok=True)
metrics = run / "metrics.jsonl"
done = 0
if resumed:  # rows after the last checkpoint are dropped
    lines = metrics.read_text().splitlines(True)
    done = sum('"type": "epoch"' in line for line in lines)
    metrics.write_text("".join(lines[:3 * done]))
    settings.setdefault("train.epochs", json.loads((run / "config.json").read_text())["config"]["train"]["epochs"])
(run / "config.json").write_text(json.dumps({"config": {"name": "made", "train": {"epochs": settings["train.epochs"]}},
                                             "words": words}))
note = " (runs/earlier holds an earlier run)" if "--out" not in words and not resumed else ""
print(f"run folder: {run}{note}", file=sys.stderr, flush=True)
with open(metrics, "a") as file:
    for epoch in range(done, int(settings["train.epochs"])):
        rows = [{"type": "step", "epoch": epoch, "step": step, "loss": 2 - 0.1 * epoch, "lr": 0.1} for step in (1, 2)]
        rows.append({"type": "epoch", "epoch": epoch, "train_loss": 2.0 - epoch, "lr": 0.1,
                     **({"validation_top1": 10.0 * epoch} if epoch % 2 else {})})
        for row in rows:
            time.sleep(0.02)
            text = json.dumps(row) + "\\n"
            file.write(text[:9]), file.flush(), file.write(text[9:]), file.flush()
        time.sleep(0.05)
        if asked:
            print("spikemix: stopped and saved", file=sys.stderr)
            sys.exit(130)
        if settings.get("fails") == str(epoch):
            print("  [epoch 1] 3 img/s", file=sys.stderr)
            print("spikemix: the loss is nan", file=sys.stderr)
            sys.exit(1)
        if settings.get("killed") == str(epoch):
            os.kill(os.getpid(), signal.SIGKILL)
summary = {"best_top1": 61.5, "best_epoch": 2}
(run / "summary.json").write_text(json.dumps(summary))
print(json.dumps(summary))
"""


def program_in(folder):
    program = folder / "bin" / "spikemix-torch"
    program.parent.mkdir()
    program.write_text(PROGRAM.replace("PYTHON", sys.executable, 1))
    program.chmod(0o755)
    return program


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKEMIX_TRAIN", str(program_in(tmp_path)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_rows_become_calls_and_tables(place):
    epochs, steps = [], []
    run = spikemix.train("made", data=pathlib.Path("pictures"),
                         set={"train.epochs": 4, "model.mixer": ["fft2d", "wt2d"], "train.ema": True},
                         seed=3, threads=2, out="there", on_epoch=epochs.append, on_step=steps.append)
    assert [row["epoch"] for row in epochs] == [0, 1, 2, 3] and len(steps) == 8 and "type" not in epochs[0]
    assert run.folder == pathlib.Path("there") and not run.stopped and run.summary["best_top1"] == 61.5
    assert run.epochs["train_loss"] == [2.0, 1.0, 0.0, -1.0]
    assert run.epochs["validation_top1"] == [None, 10.0, None, 30.0]
    assert run.steps["step"] == [1, 2] * 4 and run.tests == {} and "61.50 %" in repr(run)
    assert run.config["words"] == ["train", "made", "train.epochs=4", "model.mixer=fft2d,wt2d", "train.ema=true",
                                   "--data", "pictures", "--out", "there", "--seed", "3", "--threads", "2", "--json"]
    again = spikemix.training.Run("there")
    assert again.epochs == run.epochs and os.fspath(again) == "there"
    assert again.model == pathlib.Path("there/best/model.safetensors")


def test_the_program_chooses_the_run_folder(place, capfd):
    run = spikemix.train("made", set={"train.epochs": 1}, verbose=True)
    assert run.folder == pathlib.Path("runs/made") and "run folder: runs/made" in capfd.readouterr().err


def test_a_callback_that_returns_false_stops_a_run_that_can_resume(place):
    run = spikemix.train("made", set={"train.epochs": 50}, out="run", on_epoch=lambda row: row["epoch"] < 2)
    assert run.stopped and run.summary is None and "stopped" in repr(run)
    before = len(run.epochs["epoch"])
    assert 3 <= before < 20
    seen = []
    done = spikemix.train(resume=run, set={"train.epochs": before + 2}, on_epoch=lambda row: seen.append(row["epoch"]))
    assert seen == [before, before + 1] and not done.stopped and done.folder == run.folder
    assert done.epochs["epoch"] == list(range(before + 2))


def test_an_exception_in_a_callback_saves(place):
    class Odd(Exception):
        pass

    def fail(row):
        raise Odd

    ended = []
    with pytest.raises(Odd):
        spikemix.train("made", set={"train.epochs": 50}, out="run", on_epoch=fail,
                       callbacks=[types.SimpleNamespace(end=ended.append)])
    assert ended[0].stopped and len(ended[0].epochs["epoch"]) < 20


def test_ctrl_c_saves(place):
    def interrupt(row):
        if row["epoch"] == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=r"saved; go on with spikemix.train\(resume='run'\)") as caught:
        spikemix.train("made", set={"train.epochs": 50}, out="run", on_epoch=interrupt)
    assert isinstance(caught.value, training.Interrupted) and caught.value.run.stopped


def test_the_programs_errors_are_exceptions(place):
    with pytest.raises(spikemix.InputError, match="^train.lr = much: expected a number$"):
        spikemix.train("made", set={"train.lr": "much"})
    with pytest.raises(spikemix.RunError, match="^the loss is nan$"):
        spikemix.train("made", set={"train.epochs": 3, "fails": 1})
    with pytest.raises(spikemix.RunError, match="SIGKILL; runs/made can be resumed"):
        spikemix.train("made", set={"train.epochs": 3, "killed": 1})
    for wrong in ({}, {"recipe": "made", "resume": "run"}, {"resume": "run", "out": "there"},
                  {"resume": "run", "seed": 0}):
        with pytest.raises(ValueError):
            spikemix.train(**wrong)
    with pytest.raises(spikemix.InputError, match="no run folder"):
        training.Run("nowhere")


def test_where_the_program_is_found(place, monkeypatch):
    named = os.environ["SPIKEMIX_TRAIN"]
    assert training.find_program() == named
    monkeypatch.setenv("SPIKEMIX_TRAIN", "/nowhere/spikemix")
    with pytest.raises(FileNotFoundError, match="SPIKEMIX_TRAIN=/nowhere/spikemix: no such program"):
        training.find_program()
    monkeypatch.delenv("SPIKEMIX_TRAIN")
    monkeypatch.setenv("PATH", str(place / "bin"))
    assert training.find_program() == named
    (place / "links").mkdir()
    (place / "bin" / "spikemix").write_text("")
    (place / "links" / "spikemix").symlink_to(place / "bin" / "spikemix")
    monkeypatch.setenv("PATH", str(place / "links"))
    assert training.find_program() == named
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FileNotFoundError, match="SPIKEMIX_TRAIN=ON.*environment variable SPIKEMIX_TRAIN"):
        spikemix.train("made")


class Recorder(types.ModuleType):
    """A module that records its calls."""

    def __init__(self, name):
        super().__init__(name)
        self.calls = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *values, **named: self.calls.append((name, values, named)) or self


@pytest.mark.parametrize("module, callback, begin, log, end",
                         [("wandb", "WandB", "init", "log", "finish"),
                          ("trackio", "Trackio", "init", "log", "finish"),
                          ("mlflow", "MLflow", "start_run", "log_metrics", "end_run"),
                          ("torch.utils.tensorboard", "TensorBoard", "SummaryWriter", "add_scalar", "close")])
def test_experiment_trackers(place, monkeypatch, module, callback, begin, log, end):
    fake = Recorder(module)
    for part in ("torch", "torch.utils") if module.startswith("torch") else ():
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    monkeypatch.setitem(sys.modules, module, fake)
    given = {"TensorBoard": {}, "MLflow": {"nested": True}}.get(callback, {"project": "spikes"})
    spikemix.train("made", set={"train.epochs": 2}, out="run", callbacks=[getattr(training, callback)(**given)])
    names = [name for name, _, _ in fake.calls]
    assert names[0] == begin and names[-1] == end and names.count(begin) == names.count(end) == 1
    assert given.items() <= fake.calls[0][2].items()
    logged = json.dumps([values for name, values, _ in fake.calls if name == log])
    assert "train_loss" in logged and "validation_top1" in logged
    if callback in ("WandB", "Trackio"):
        assert fake.calls[0][2]["config"]["train.epochs"] == "2" and fake.calls[0][2]["name"] == "run"


def test_a_tracker_that_is_not_installed_is_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match="wandb"):
        training.WandB()


def test_tables_are_pandas(place):
    pandas = pytest.importorskip("pandas")
    run = spikemix.train("made", set={"train.epochs": 2}, out="run")
    assert pandas.DataFrame(run.epochs)["train_loss"].tolist() == [2.0, 1.0]


# --- the real program ------------------------------------------------------------------------------------------------

def real_program():
    built = BUILD / "spikemix-torch"
    if "SPIKEMIX_TRAIN" not in os.environ and built.exists():
        os.environ["SPIKEMIX_TRAIN"] = str(built)
    try:
        return training.find_program()
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKEMIX_TRAIN", real_program())
    monkeypatch.chdir(tmp_path)
    return make_place(tmp_path, train=160, test=20)


def test_the_real_program_trains_and_resumes(tiny):
    rows = []
    run = spikemix.train("tiny.toml", data="data", set={"train.epochs": 5000}, on_epoch=lambda row: rows.append(row) or
                         len(rows) < 2)
    assert run.folder == pathlib.Path("runs/tiny") and run.stopped and rows[0]["epoch"] == 0
    stopped_at = len(run.epochs["epoch"])
    assert run.model.exists() and run.steps["step"][0] == 1
    # Killed at any moment, the program resumes from its last checkpoint.
    seen = []
    with pytest.raises(spikemix.RunError, match="SIGKILL"):
        def kill(row):
            seen.append(row["epoch"])
            children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGKILL)
        spikemix.train(resume=run, on_epoch=kill)
    assert seen[0] == stopped_at
    with pytest.raises(spikemix.InputError, match="train.lr"):
        spikemix.train(resume=run, set={"train.lr": 1})
    short = spikemix.train("tiny.toml", data="data", out="short")
    assert len(short.epochs["epoch"]) == 3 and short.summary["best_epoch"] in range(3) and not short.stopped
    longer = spikemix.train(resume=short, set={"train.epochs": 4})
    assert longer.epochs["epoch"][-1] == 3 and "top-1" in repr(longer)
    with pytest.raises(spikemix.InputError, match="unknown mixer 'fft3d'"):
        spikemix.train("tiny.toml", data="data", set={"model.mixer": "fft3d"})


def test_ctrl_c_in_a_terminal_reaches_both_and_saves_once(tiny):
    """The terminal sends SIGINT to Python and to the program; a second one, from Python, would end it unsaved."""
    code = textwrap.dedent("""\
        import spikemix
        spikemix.train("tiny.toml", data="data", set={"train.epochs": 2000}, out="run",
                       on_epoch=lambda row: print("epoch", row["epoch"], flush=True))""")
    terminal = Terminal([sys.executable, "-c", code])
    terminal.read_until("epoch 0")
    terminal.type("\x03")
    assert "spikemix.train(resume='run')" in terminal.read()
    assert len(training.Run("run").epochs["epoch"]) >= 1 and (pathlib.Path("run") / "state.safetensors").exists()
