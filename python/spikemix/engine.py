# SPDX-License-Identifier: MIT
"""Trained models on the event-driven engine: the program's answers, to the bit, without torch."""
from __future__ import annotations

import contextlib
import contextvars
import errno
import json
import math
import operator
import os
import pathlib
import sys
import threading
import typing
import warnings
import weakref

import numpy as np

from . import _core

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Path = typing.Union[str, os.PathLike[str]]
    Floats = np.ndarray[typing.Any, np.dtype[np.float32]]

__all__ = ["Model", "Recording", "Stream", "load"]

#: The recordings that are going on, by the id of their model.
_recordings: contextvars.ContextVar[dict[int, Recording]] = contextvars.ContextVar("spikemix.recordings", default={})
_models: weakref.WeakSet[Model] = weakref.WeakSet()
_streams: weakref.WeakSet[Stream] = weakref.WeakSet()


def load(model: Path | bytes | bytearray | memoryview = "builtin", precision: str = "fp32",
         threads: int = 1) -> Model:
    """A trained model, ready to run.

    Args:
        model: a model.safetensors, a run folder (its best model), a folder with config.json and model.safetensors as
            Hugging Face has them, the bytes of a model file, or "builtin", the CIFAR-10 model of the program. A file of
            that name is "./builtin".
        precision: what trained weights are held in: "fp32", "int16" or "int8". Files of `export` say their own.
        threads: the number that a call uses, the caller's included; 0: one for each core.

    Raises:
        FileNotFoundError: there is no such file or folder.
        InputError: it is not a model file, or does not fit together: the text names the file and the tensor. A
            ValueError.
    """
    if not isinstance(precision, str):
        raise TypeError(f"precision={precision!r}: expected \"fp32\", \"int16\" or \"int8\"")
    threads = operator.index(threads)
    if model == "builtin":
        model = _core.builtin_model()
    if isinstance(model, (bytes, bytearray, memoryview)):
        return Model(_core.load_bytes(np.frombuffer(model, np.uint8), precision, threads), bytes(model), precision)
    path = pathlib.Path(os.path.abspath(os.fspath(model)))
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "no such model file or folder", str(model))
    return Model(_core.load_path(path, precision, threads), path, precision)


class Model:
    """A trained model. `load` makes one.

    Any number of Python threads may call it at the same time: each call has its own memory, and runs without the GIL.
    An image's logits are the same bits in any batch, on any number of threads, and in the program.
    """

    def __init__(self, core: _core.Model, source: pathlib.Path | bytes, precision: str) -> None:
        self._core = core
        self._source = source
        self._asked_precision = precision
        self._own_stream: _core.Stream | None = None  # not a Stream, which would hold the model: a circle
        self._lock = threading.Lock()
        self._card: dict[str, typing.Any] = json.loads(core.card)
        shape = self._card["model"]
        self._events: bool = shape["input"] == "events"
        self._frame: tuple[int, ...] = (shape["channels"], shape["height"], shape["width"])
        self._classes: int = shape["classes"]
        self._steps: int = shape["T"]
        _models.add(self)

    def __repr__(self) -> str:
        return (f"<spikemix.Model {self._card['name']!r}: {self.precision}, input {list(self.input_shape)}, "
                f"{self._classes} classes, T = {self._steps}>")

    def __reduce__(self) -> typing.Any:
        source = self._source if isinstance(self._source, bytes) else str(self._source)
        return load, (source, self._asked_precision, self.threads)

    @property
    def card(self) -> dict[str, typing.Any]:
        """What the model file says of itself: name, model, neuron, mean, std, classes, training, ... A copy."""
        return typing.cast("dict[str, typing.Any]", json.loads(self._core.card))

    @property
    def labels(self) -> list[str]:
        """Names of the classes, in the order of the logits; "class 0", ... where the model has none."""
        return list(self._card.get("classes") or [f"class {label}" for label in range(self._classes)])

    @property
    def precision(self) -> str:
        """What its weights are held in: "fp32", "int16" or "int8"."""
        return self._core.precision

    @property
    def threads(self) -> int:
        """Threads that a call uses."""
        return self._core.threads

    @property
    def time_steps(self) -> int:
        """T, the number of time steps of a call."""
        return self._steps

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input: (C, H, W) of a picture, (T, 2, H, W) of event frames."""
        return (self._steps, *self._frame) if self._events else self._frame

    def __call__(self, x: typing.Any) -> Floats:
        """Class scores.

        Args:
            x: float32 [..., C, H, W] as `preprocess` makes them, or [..., T, 2, H, W] of event frames, with any number
                of axes before; a numpy array, or anything on the CPU that has its memory (DLPack, the buffer protocol,
                `__array__`), such as a torch tensor. Not copied where it is contiguous float32.

        Returns:
            float32 [..., classes]

        Raises:
            ValueError: another shape, type or device.
        """
        inputs, leading = self._inputs(x, self.input_shape, "x")
        logits = np.empty((len(inputs), self._classes), np.float32)
        recording = _recordings.get().get(id(self))
        if recording is None:
            self._core.infer(inputs, logits)
        else:
            recording._add(self._core.record(inputs, logits, *recording._of), leading, streams=False)
        return logits.reshape(*leading, self._classes)

    def predict(self, pictures: typing.Any, top: int = 5) -> list[typing.Any]:
        """The likeliest classes of pictures or recordings, as `spikemix predict` names them.

        Args:
            pictures: anything that `preprocess` takes.
            top: how many classes to name for each picture.

        Returns:
            [(label, probability), ...] for one picture, a list of such lists for several.
        """
        if top < 1:
            raise ValueError(f"top={top}: expected 1 or more")
        logits = self(self.preprocess(pictures))
        flat = logits.reshape(-1, self._classes)
        labels = self.labels
        answers = [[(labels[label], row[label]) for label in np.argsort(-scores, kind="stable")[:top]]
                   for row, scores in zip(_core.probabilities(flat), flat)]
        return answers[0] if logits.ndim == 1 else answers

    # --- through time ---

    def step(self, frame: typing.Any) -> Floats:
        """One time step: the picture again, or the next frame of events. For several streams at once: `stream`.

        Args:
            frame: float32 [C, H, W].

        Returns:
            float32 [classes], the scores of the steps since `reset`; after T steps the bits of `model(x)`.

        Raises:
            ValueError: another shape, type or device; or the model mixes over time, which needs all steps at once.
        """
        return _step(self, self._stream(), frame)

    def reset(self) -> None:
        """Back to rest: the next step is the first."""
        self._stream().reset()

    def stream(self) -> Stream:
        """A stream of its own, with `step` and `reset`, beside the one that `model.step` has."""
        return Stream(self)

    def _stream(self) -> _core.Stream:
        with self._lock:
            if self._own_stream is None:
                self._own_stream = self._core.stream()
            return self._own_stream

    # --- looking inside ---

    @contextlib.contextmanager
    def record(self, layers: str | Sequence[str] | None = None, potentials: bool = False) -> Iterator[Recording]:
        """Keeps what the neurons fire in calls and steps inside a `with` block of this thread.

            with model.record() as spikes:
                model(x)
            spikes["block.0.mlp.fc1"]     # uint8 [T, images, tokens, channels]

        Args:
            layers: names or patterns ("block.*.fc1") of the layers to keep. None keeps all, which can be megabytes for
                each image.
            potentials: keep what layers without neurons add to the residual stream as well, as float32.
        """
        patterns = [layers] if isinstance(layers, str) else layers
        recording = Recording(patterns, potentials)
        token = _recordings.set({**_recordings.get(), id(self): recording})
        try:
            yield recording
        finally:
            _recordings.reset(token)

    # --- inputs ---

    def preprocess(self, x: typing.Any) -> Floats:
        """Pictures or recordings as the model takes them; the same bits as the program's.

        Args:
            x: uint8 [H, W, C], [H, W] (grey) or [B, H, W, C]; a PIL image; the path of a picture; or a list of those,
                of any sizes. C is 3 (RGB) or 1 (grey). A picture of another size is resized and cut as in training.
                For a model of events: `Events`, the path of a recording, or a list of those.

        Returns:
            float32 [C, H, W] ([T, 2, H, W] of events); of a list or a batch [B, ...].

        Warns:
            UserWarning: a file has events beyond its sensor, which are left out. (More than one in twenty is an
                InputError.)
        """
        one = self._recording_input if self._events else self._picture_input
        if isinstance(x, (list, tuple)):
            made = [one(item, f"x[{i}]") for i, item in enumerate(x)]
            for i, item in enumerate(made):
                if item.ndim != len(self.input_shape):
                    raise ValueError(f"x[{i}]: several pictures; expected a list of single ones")
            return np.stack(made) if made else np.empty((0, *self.input_shape), np.float32)
        return one(x, "x")

    def _picture_input(self, x: typing.Any, name: str) -> Floats:
        if isinstance(x, (str, os.PathLike)):
            if not os.path.exists(x):
                raise FileNotFoundError(errno.ENOENT, "no such picture", str(x))
            x = _core.read_picture(x)
        elif hasattr(x, "convert") and hasattr(x, "getbands"):  # PIL's, without importing it
            x = np.asarray(x if x.mode in ("RGB", "L") else x.convert("RGB"))
        pixels = _array(x, name)
        if pixels.dtype != np.uint8:
            raise ValueError(f"{name}: {pixels.dtype} pixels; expected uint8, 0 to 255")
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        if pixels.ndim not in (3, 4) or pixels.shape[-1] not in (1, 3) or 0 in pixels.shape[-3:]:
            raise ValueError(f"{name}: pixels of shape {list(pixels.shape)}; expected [H, W, 3] (RGB), [H, W, 1] or "
                             "[H, W] (grey), or [B, H, W, C]")
        batch = np.ascontiguousarray(pixels if pixels.ndim == 4 else pixels[None])
        inputs = np.empty((len(batch), math.prod(self._frame)), np.float32)
        self._core.pictures_to_input(batch, inputs)
        return inputs.reshape(*pixels.shape[:-3], *self._frame)

    def _recording_input(self, x: typing.Any, name: str) -> Floats:
        if isinstance(x, (str, os.PathLike)):
            if not os.path.exists(x):
                raise FileNotFoundError(errno.ENOENT, "no such recording", str(x))
            frames = np.empty((1, math.prod(self.input_shape)), np.float32)
            if left_out := self._core.recording_to_input(x, frames):
                _warn(left_out)
            return frames.reshape(self.input_shape)
        from . import events

        settings = self._card.get("frames", {})
        own = getattr(x, "sensor", None) or self._frame[:0:-1]
        known = settings.get("sensor_width", 0), settings.get("sensor_height", 0)
        sensor = (max(own[0], known[0]), max(own[1], known[1]))
        return events.frames(x, T=self._steps, by=settings.get("by", "count"), sensor=sensor, size=self._frame[1:],
                             binary=settings.get("values") == "binary")

    def _inputs(self, x: typing.Any, shape: tuple[int, ...], name: str) -> tuple[Floats, tuple[int, ...]]:
        """The memory of x as [inputs, values], and the axes before those of one input."""
        array = _array(x, name)
        if array.dtype != np.float32:
            exact = array.dtype.kind == "f" or (self._events and array.dtype.kind in "biu")
            if not exact:
                hint = "model.preprocess(x) makes of pictures what the model takes" if array.dtype == np.uint8 \
                    else "x.astype(np.float32)"
                raise ValueError(f"{name}: {array.dtype}; expected float32 ({hint})")
            array = array.astype(np.float32)
        leading = array.ndim - len(shape)
        if leading < 0 or array.shape[leading:] != shape:
            expected = ", ".join(map(str, shape))
            raise ValueError(f"{name}: shape {list(array.shape)}; expected [..., {expected}]")
        flat = np.ascontiguousarray(array).reshape(math.prod(array.shape[:leading]), math.prod(shape))
        return flat, array.shape[:leading]

    # --- files ---

    def save(self, path: Path) -> None:
        """Writes the model file, with its card in it.

        Args:
            path: a file NAME.safetensors; or a folder, that gets model.safetensors and config.json.

        Raises:
            InputError: the folder is a run or lies in one, which has files of these names. A ValueError.
        """
        path = pathlib.Path(path)
        folder = path.suffix != ".safetensors"
        if folder:
            _core.check_model_folder(path)
            path.mkdir(parents=True, exist_ok=True)
        with self._file() as file:
            card = _core.save_model(file, path / "model.safetensors" if folder else path)
        if folder:
            (path / "config.json").write_text(json.dumps(json.loads(card), indent=2) + "\n")

    def export(self, path: Path, precision: str = "int8", calibrate: typing.Any = None,
               tolerance: float = 0.01) -> dict[str, float]:
        """Writes the model with integer weights, as `spikemix export` does.

        Args:
            path: the file to write, NAME.safetensors.
            precision: "int8" (7 bits a weight) or "int16" (14 bits).
            calibrate: inputs of training images, as `preprocess` makes them: layers of whose spikes more than
                `tolerance` change get all 8 or 16 bits.
            tolerance: the share of a layer's spikes that may change, 0 to 1.

        Returns:
            {layer: share of its spikes that the integer weights change}, of its potentials where it has no neurons.
            Empty without `calibrate`.

        Raises:
            InputError: the weights are integers already. A ValueError.
        """
        inputs = None if calibrate is None else self._inputs(calibrate, self.input_shape, "calibrate")[0]
        with self._file() as file:
            return dict(_core.write_integers(file, os.fspath(path), precision, inputs, tolerance))

    @contextlib.contextmanager
    def _file(self) -> Iterator[pathlib.Path]:
        """Where the model's file is."""
        if not isinstance(self._source, bytes):
            yield self._source
            return
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "model.safetensors"
            file.write_bytes(self._source)
            yield file


class Stream:
    """One input through time: `model.stream()` makes one. Each has its own potentials."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._core = model._core.stream()
        _streams.add(self)

    def step(self, frame: typing.Any) -> Floats:
        """One time step of this stream: a frame, float32 [C, H, W], gives float32 [classes], as `Model.step` does."""
        return _step(self._model, self._core, frame)

    def reset(self) -> None:
        """Back to rest: the next step is the first."""
        self._core.reset()

    @property
    def steps(self) -> int:
        """Steps since the last reset."""
        return self._core.steps

    def membranes(self) -> dict[str, tuple[Floats, float]]:
        """Potentials of each layer's neurons after the last step, fired and reset: (float32 [tokens, channels], the
        threshold in the same unit; of integer neurons that of the first count, 0.5)."""
        return {name: (values, threshold) for name, values, threshold in self._core.membranes()}


class Recording(typing.Mapping[str, np.ndarray]):
    """What `Model.record` has seen, {layer: counts}.

    Spikes are uint8 [T, ..., tokens, channels]: 0 or 1, more of integer neurons; int8 of neurons that fire -1 as well.
    The axes between are those of the call's input before its last; of several calls, one axis with all their images. Of
    steps there are none, and the first axis is all steps. Layers stand in the order of the forward pass.
    """

    def __init__(self, patterns: Sequence[str] | None, potentials: bool) -> None:
        self._of = potentials, None if patterns is None else list(patterns)
        self._parts: dict[str, list[np.ndarray]] = {}
        self._leading: list[tuple[int, ...]] = []
        self._streams: bool | None = None

    def __getitem__(self, layer: str) -> np.ndarray:
        parts = self._parts[layer]
        if len(parts) > 1:  # once
            parts[:] = [np.concatenate(parts, axis=0 if self._streams else 1)]
        whole = parts[0]
        leading = self._leading[0] if len(self._leading) == 1 else (whole.shape[1],)
        return whole[:, 0] if self._streams else whole.reshape(whole.shape[0], *leading, *whole.shape[2:])

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        lines = [f"  {name!r}: {self[name].dtype} {list(self[name].shape)}" for name in self]
        return "<spikemix.Recording" + "".join("\n" + line for line in lines) + ">"

    def rates(self) -> dict[str, np.ndarray]:
        """Spikes of a neuron at each time step, on average: {layer: float64 [T]}, without potentials."""
        return {name: np.abs(counts).reshape(len(counts), -1).mean(axis=1) for name, counts in self.items()
                if counts.dtype.kind != "f"}

    def _add(self, layers: list[tuple[str, np.ndarray]], leading: tuple[int, ...], streams: bool) -> None:
        if self._streams not in (None, streams):
            raise ValueError("record: a call and a step in one recording; expected one of the two")
        self._streams = streams
        self._leading.append(leading)
        for name, values in layers:
            self._parts.setdefault(name, []).append(values)


def _step(model: Model, stream: _core.Stream, frame: typing.Any) -> Floats:
    inputs, leading = model._inputs(frame, model._frame, "frame")
    if leading:
        raise ValueError(f"frame: shape {list(np.shape(frame))}; expected {list(model._frame)}, one frame a step")
    logits = np.empty((1, model._classes), np.float32)
    recording = _recordings.get().get(id(model))
    if recording is None:
        stream.step(inputs, logits)
    else:
        recording._add(stream.record(inputs, logits, *recording._of), (), streams=True)
    return logits.reshape(-1)


def _warn(text: str) -> None:
    """Of the line outside of the package that asked for it, whichever function it called."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


def _array(x: typing.Any, name: str) -> np.ndarray:
    """x as a numpy array, of the same memory where that can be."""
    if isinstance(x, np.ndarray):
        return x
    if hasattr(x, "detach"):  # a torch tensor, whose gradient nobody will ask for here
        x = x.detach()
    device = getattr(x, "device", "cpu")  # asked for here: some kinds of device have no __dlpack_device__
    if not callable(device) and "cpu" not in str(device).lower():
        raise ValueError(f"{name}: on {device}; expected the CPU's memory")
    try:
        if hasattr(x, "__dlpack__") and not hasattr(x, "__array__"):
            return np.from_dlpack(x)
        array = np.asarray(x)
    except Exception as error:
        raise ValueError(f"{name}: a {type(x).__name__} is not an array ({error})") from error
    if array.dtype.kind in "OSU":
        raise ValueError(f"{name}: a {type(x).__name__} is not an array of numbers")
    return array


def _after_fork() -> None:
    """Threads do not come along into a child process, and locks come along as they were."""
    for model in list(_models):
        model._lock = threading.Lock()
        model._core.forget_sessions()
        if model._own_stream is not None and model.threads > 1:
            model._own_stream.forget_session()
    for stream in list(_streams):
        if stream._model.threads > 1:
            stream._core.forget_session()


os.register_at_fork(after_in_child=_after_fork)
