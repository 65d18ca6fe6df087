# SPDX-License-Identifier: MIT
"""The training program, driven from Python: `spikemix.train(...)`, and run folders as tables.

The wheel has no trainer in it: training needs LibTorch. `train` starts the program `spikemix-torch` that a build or an
installation of spikemix has, and turns what it writes into callbacks.
"""
from __future__ import annotations

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import typing

from ._core import InputError, RunError

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Row = dict[str, typing.Any]

__all__ = ["Interrupted", "MLflow", "Run", "TensorBoard", "Trackio", "WandB", "find_program", "train"]

_POLL_SECONDS = 0.1
_INTERRUPTED = 130


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a training, which is saved: `spikemix.train(resume=error.run)` goes on with it."""

    def __init__(self, run: Run) -> None:
        super().__init__(f"stopped and saved; go on with spikemix.train(resume={str(run.folder)!r})")
        self.run = run


class Run:
    """A run folder: what a training was given and what it came to.

    Tables are dicts of columns, lists of one length: `pandas.DataFrame(run.epochs)` takes them. A value that a row
    lacks (there was no test in that epoch) is None.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = pathlib.Path(folder)
        #: The training was stopped and saved, not finished, when `train` returned.
        self.stopped = False
        if not (self.folder / "config.json").is_file():
            raise InputError(f"{self.folder}: no run folder, expected a config.json in it")

    @property
    def config(self) -> Row:
        """config.json: every effective value, versions, threads, the data's facts."""
        config: Row = json.loads((self.folder / "config.json").read_text())
        return config

    @property
    def summary(self) -> Row | None:
        """summary.json: accuracy, speed, memory; None until the run is done."""
        file = self.folder / "summary.json"
        return json.loads(file.read_text()) if file.is_file() else None

    @property
    def epochs(self) -> dict[str, list[typing.Any]]:
        """A row for each epoch: epoch (from 0), lr, train_loss, seconds, images_per_second, and where it was tested
        validation_ or test_top1, _top5 (percent), _loss."""
        return _table(row for row in self._rows() if row["type"] == "epoch")

    @property
    def steps(self) -> dict[str, list[typing.Any]]:
        """A row for each of the first steps and then every 50th: epoch, step, lr, loss, gradient_norm."""
        return _table(row for row in self._rows() if row["type"] == "step")

    @property
    def tests(self) -> dict[str, list[typing.Any]]:
        """A row for each test at the end: weights ("best", "last"), test_top1, test_top5 (percent), test_loss."""
        return _table(row for row in self._rows() if row["type"] == "test")

    @property
    def model(self) -> pathlib.Path:
        """The model file of the best epoch: for `spikemix.load`."""
        return self.folder / "best" / "model.safetensors"

    def _rows(self) -> list[Row]:
        file = self.folder / "metrics.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        done = self.summary
        if done is None:
            return f"Run({str(self.folder)!r}): {'stopped' if self.stopped else 'not done'}"
        return f"Run({str(self.folder)!r}): test top-1 {done['best_top1']:.2f} % (epoch {done['best_epoch'] + 1})"


def _table(rows: Iterable[Row]) -> dict[str, list[typing.Any]]:
    rows = list(rows)
    columns = dict.fromkeys(key for row in rows for key in row if key != "type")
    return {key: [row.get(key) for row in rows] for key in columns}


def find_program() -> str:
    """The training program: $SPIKEMIX_TRAIN, or spikemix-torch on the path or beside a spikemix that is on it.

    Raises:
        FileNotFoundError: there is none; the text says how to get it.
    """
    named = os.environ.get("SPIKEMIX_TRAIN")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"SPIKEMIX_TRAIN={named}: no such program; expected spikemix-torch, or the "
                                    "spikemix beside it")
        return found
    found = shutil.which("spikemix-torch")
    for folder in os.get_exec_path():
        beside = pathlib.Path(folder, "spikemix")
        if found is None and beside.is_file():
            found = shutil.which(str(beside.resolve().parent / "spikemix-torch"))
    if found is None:
        raise FileNotFoundError(
            "the training program spikemix-torch was not found, and this package has none in it: build spikemix with "
            "SPIKEMIX_TRAIN=ON (script/bootstrap does) and name its spikemix-torch in the environment variable "
            "SPIKEMIX_TRAIN, or install it on the path")
    return found


def _setting(value: typing.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(_setting, value))
    return str(value)


def _arguments(recipe: str | os.PathLike[str] | None, resume: str | os.PathLike[str] | None, data: typing.Any,
               settings: Mapping[str, typing.Any], out: typing.Any, seed: int | None, threads: int | None,
               device: str | None) -> list[str]:
    if (recipe is None) == (resume is None):
        raise ValueError("expected a recipe to train by or resume=, a run folder to go on with")
    for name, value in (("out", out), ("seed", seed), ("device", device)):
        if resume is not None and value is not None:
            raise ValueError(f"{name}: the run has its own, expected none with resume=")
    words = ["resume", os.fspath(resume)] if resume is not None else ["train", os.fspath(typing.cast(str, recipe))]
    words += [f"{key}={_setting(value)}" for key, value in settings.items()]
    for name, value in (("data", data), ("out", out), ("seed", seed), ("threads", threads), ("device", device)):
        if value is not None:
            words += [f"--{name}", os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
    return words + ["--json"]


class _Tail:
    """The lines that a growing file gets."""

    def __init__(self, file: pathlib.Path, at: int) -> None:
        self._file, self._at, self._rest = file, at, b""

    def rows(self) -> list[Row]:
        try:
            with open(self._file, "rb") as file:
                file.seek(self._at)
                new = file.read()
        except FileNotFoundError:
            return []
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        return [json.loads(line) for line in lines if line]


class _Program:
    """The program while it runs; its standard error is read in a thread."""

    def __init__(self, words: list[str], verbose: bool) -> None:
        self._process = subprocess.Popen([find_program(), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True, errors="replace")
        self.folder: str | None = None
        self.earlier_metrics = 0  # bytes that a resumed run goes on from
        self._said: collections.deque[str] = collections.deque(maxlen=50)
        self._answer: list[str] = []
        assert self._process.stdout is not None and self._process.stderr is not None
        self._stdout, self._stderr = self._process.stdout, self._process.stderr
        self._threads = [threading.Thread(target=self._listen, args=(verbose,), daemon=True),
                         threading.Thread(target=lambda: self._answer.append(self._stdout.read()), daemon=True)]
        for thread in self._threads:
            thread.start()

    def _listen(self, verbose: bool) -> None:
        for line in self._stderr:
            if line.startswith("run folder: "):
                folder = re.sub(r" \(\S+ holds an earlier run.*\)$", "", line[len("run folder: "):].rstrip("\n"))
                metrics = pathlib.Path(folder, "metrics.jsonl")
                self.earlier_metrics = metrics.stat().st_size if metrics.is_file() else 0
                self.folder = folder
            self._said.append(line)
            if verbose:
                sys.stderr.write(line)

    def running(self) -> bool:
        try:
            self._process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            return True
        return False

    def ask_to_stop(self) -> None:
        """Asks it to save and end. Ctrl-C in a terminal has told it already, and a second SIGINT would end it without a
        checkpoint: a SIGHUP means the same and comes as often as it likes. Under nohup it is ignored."""
        if self._process.poll() is None:
            hung_up = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
            self._process.send_signal(signal.SIGHUP if hung_up else signal.SIGTERM)

    def end(self) -> int:
        """Waits for its end; at a second Ctrl-C ends it at once."""
        try:
            code = self._process.wait()
        except KeyboardInterrupt:
            self._process.kill()
            self._process.wait()
            raise
        for thread in self._threads:
            thread.join()
        self._stdout.close()
        self._stderr.close()
        return code

    def check(self, code: int) -> None:
        if code in (0, _INTERRUPTED):
            return
        lines = [line.strip() for line in self._said if line.strip()]
        own = [line[len("spikemix: "):] for line in lines if line.startswith("spikemix: ")]
        text = own[-1] if own else " / ".join(lines[-3:])
        if code == 2:
            raise InputError(text)
        if code < 0:
            raise RunError(f"the training program was ended by {signal.Signals(-code).name}"
                           + (f"; {self.folder} can be resumed" if self.folder else ""))
        raise RunError(text or f"the training program ended with exit code {code}")


def train(recipe: str | os.PathLike[str] | None = None, data: str | os.PathLike[str] | None = None, *,
          set: Mapping[str, typing.Any] = {}, out: str | os.PathLike[str] | None = None, seed: int | None = None,
          threads: int | None = None, device: str | None = None, resume: str | os.PathLike[str] | None = None,
          on_epoch: Callable[[Row], typing.Any] | None = None, on_step: Callable[[Row], typing.Any] | None = None,
          callbacks: Iterable[typing.Any] = (), verbose: bool = False) -> Run:
    """Trains a model by a recipe, in a new run folder: `spikemix train RECIPE --data DIR key=value ...`.

    Ctrl-C saves a checkpoint and raises `Interrupted` (a second one ends the program at once); an exception in a
    callback saves as well. `train(resume=run)` goes on, to the same bits.

    Args:
        recipe: a name of `spikemix recipes`, or a .toml file.
        data: the data set, a folder or archive. With `resume`: where it lies now.
        set: settings over the recipe's, {"model.mixer": "fft2d", "train.epochs": 10}; lists and bools as Python has
            them. With `resume` {"train.epochs": N}, for more epochs.
        out: the run folder; runs/NAME, or the first of runs/NAME-2, ... that is free.
        seed: train.seed, which draws the weights, the order of the images and their augmentation.
        threads: train.threads; 0: one for each core.
        device: train.device: "cpu", "cuda:0".
        resume: a run (folder) to go on with, in the place of a recipe.
        on_epoch: called after each epoch with its row (`Run.epochs`); if it returns False, the training is saved and
            stopped, and `Run.stopped` says so.
        on_step: the same for the first steps and every 50th (`Run.steps`).
        callbacks: objects with any of `begin(run)`, `step(row)`, `epoch(row)`, `end(run)`: `TensorBoard`, `WandB`,
            `MLflow`, `Trackio`, or your own.
        verbose: show what the program says on standard error.

    Raises:
        FileNotFoundError: the training program was not found; the text says how to get it.
        InputError: a setting, the recipe or the data is wrong. A ValueError.
        RunError: the training failed (a full disk, a loss that is no number). Its checkpoints are intact.
        Interrupted: Ctrl-C. A KeyboardInterrupt.
    """
    words = _arguments(recipe, resume, data, set, out, seed, threads, device)
    listeners = [*callbacks, _Functions(on_step, on_epoch)]
    program = _Program(words, verbose)
    run: Run | None = None
    tail: _Tail | None = None
    going, stopping = True, False
    try:
        while going:
            going = program.running()
            if program.folder is not None and run is None and pathlib.Path(program.folder, "config.json").is_file():
                run = Run(program.folder)
                tail = _Tail(run.folder / "metrics.jsonl", program.earlier_metrics if resume is not None else 0)
                _tell(listeners, "begin", run)
            for row in tail.rows() if tail is not None else ():
                if row["type"] in ("step", "epoch") and _tell(listeners, row["type"], _row(row)) and not stopping:
                    stopping = True
                    program.ask_to_stop()
        code = program.end()
    except BaseException as error:
        program.ask_to_stop()
        code = program.end()
        if run is not None:
            run.stopped = run.summary is None
            _tell(listeners, "end", run)
        if isinstance(error, KeyboardInterrupt) and run is not None and run.stopped:
            raise Interrupted(run) from None
        raise
    program.check(code)
    if run is None:  # stopped from outside before there was a run
        raise KeyboardInterrupt("the training program was stopped before its first step")
    run.stopped = code == _INTERRUPTED
    _tell(listeners, "end", run)
    return run


def _row(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "type"}


def _tell(listeners: list[typing.Any], method: str, argument: typing.Any) -> bool:
    """Calls that method of each that has it. True: one of them has had enough."""
    answers = [getattr(listener, method)(argument) for listener in listeners if hasattr(listener, method)]
    return any(answer is False for answer in answers)


class _Functions:
    def __init__(self, on_step: typing.Any, on_epoch: typing.Any) -> None:
        if on_step is not None:
            self.step = on_step
        if on_epoch is not None:
            self.epoch = on_epoch


def _numbers(row: Row) -> dict[str, float]:
    return {key: value for key, value in row.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and key not in ("epoch", "step")}


def _flat(config: Row) -> dict[str, typing.Any]:
    """{"model.T": 4, ...}, the settings of a run's config.json."""
    return {f"{section}.{key}" if isinstance(values, dict) else section: value
            for section, values in config.get("config", {}).items()
            for key, value in (values.items() if isinstance(values, dict) else [("", values)])}


class TensorBoard:
    """Writes each epoch and step to TensorBoard: `callbacks=[TensorBoard("logs")]`. Needs tensorboard and torch."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter
        self._make, self._folder = SummaryWriter, folder

    def begin(self, run: Run) -> None:
        """Opens the folder, by default the run's own `tensorboard`."""
        self._writer = self._make(str(self._folder if self._folder is not None else run.folder / "tensorboard"))

    def step(self, row: Row) -> None:
        """Writes a step's numbers as step/NAME."""
        for key, value in _numbers(row).items():
            self._writer.add_scalar(f"step/{key}", value, row["step"])

    def epoch(self, row: Row) -> None:
        """Writes an epoch's numbers as epoch/NAME."""
        for key, value in _numbers(row).items():
            self._writer.add_scalar(f"epoch/{key}", value, row["epoch"])

    def end(self, run: Run) -> None:
        """Closes the folder."""
        self._writer.close()


class WandB:
    """Logs to Weights & Biases: `callbacks=[WandB(project="spikes")]`; arguments as wandb.init has them."""

    _module = "wandb"

    def __init__(self, **init: typing.Any) -> None:
        import importlib
        self._api, self._init = importlib.import_module(self._module), init

    def begin(self, run: Run) -> None:
        """Begins a run there, with the name of the run folder and its settings."""
        self._api.init(**{"name": run.folder.name, "config": _flat(run.config), **self._init})

    def epoch(self, row: Row) -> None:
        """Logs an epoch's numbers."""
        self._api.log({"epoch": row["epoch"], **_numbers(row)})

    def end(self, run: Run) -> None:
        """Ends the run there."""
        self._api.finish()


class Trackio(WandB):
    """Logs to trackio: `callbacks=[Trackio(project="spikes")]`; arguments as trackio.init has them."""

    _module = "trackio"


class MLflow:
    """Logs to MLflow: `callbacks=[MLflow()]`; arguments as mlflow.start_run has them."""

    def __init__(self, **start: typing.Any) -> None:
        import mlflow
        self._api, self._start = mlflow, start

    def begin(self, run: Run) -> None:
        """Begins a run there, with the name of the run folder, and logs its settings."""
        self._api.start_run(**{"run_name": run.folder.name, **self._start})
        self._api.log_params(_flat(run.config))

    def epoch(self, row: Row) -> None:
        """Logs an epoch's numbers as metrics."""
        self._api.log_metrics(_numbers(row), step=row["epoch"])

    def end(self, run: Run) -> None:
        """Ends the run there: finished, or killed if it has no summary."""
        self._api.end_run("FINISHED" if run.summary is not None else "KILLED")
