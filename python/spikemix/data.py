# SPDX-License-Identifier: MIT
"""Data sets as `spikemix train` opens them, through the same caches, for any Python training loop.

`Recordings` and `Pictures` are map-style data sets: `len(ds)`, `ds[i]` -> (sample, label). torch's DataLoader takes
them, with any number of workers, started by fork or spawn; torch itself is not needed.
"""
from __future__ import annotations

import errno
import json
import logging
import os
import typing

import numpy as np

from . import _core
from .events import Events, _by_time, _frame_size, _from_bytes, _sensor

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch.utils.data import Dataset

    from .events import Sensor

    Transform = Callable[[typing.Any], typing.Any]

    class _Dataset(Dataset[tuple[typing.Any, typing.Any]]):
        """To a type checker they are torch's, for its DataLoader; torch asks for no more than their methods."""
else:
    _Dataset = object

__all__ = ["Pictures", "Recordings", "formats"]

_SPLITS = ("train", "test", "validation")
_log = logging.getLogger("spikemix")


class Format(typing.NamedTuple):
    """A format that data can come in. `recordings`: of event cameras; else pictures."""

    name: str
    summary: str
    recordings: bool


def formats() -> list[Format]:
    """The formats of data sets, as `spikemix data formats` lists them."""
    return [Format(*each) for each in _core.data_formats()]


class _Data(_Dataset):
    """What both have in common. A copy in another process opens the data anew, out of the cache."""

    _recordings: bool

    def __init__(self, root: str | os.PathLike[str], split: str, shape: list[int], transform: Transform | None,
                 target_transform: Transform | None, settings: dict[str, typing.Any]) -> None:
        if split not in _SPLITS:
            raise ValueError(f"split={split!r}: expected 'train', 'test' or 'validation'")
        if split == "validation" and not settings["validation"]:
            raise ValueError("split='validation': expected validation=, the share of the training data that it is")
        for name in ("skip_bad", "limit", "seed"):
            if settings[name] < 0:
                raise ValueError(f"{name}={settings[name]}: expected 0 or more")
        if not 0 <= settings["validation"] < 1:
            raise ValueError(f"validation={settings['validation']}: expected a share from 0 to less than 1")
        self.root, self.split = os.path.abspath(os.fspath(root)), split
        self.transform, self.target_transform = transform, target_transform
        self._shape, self._settings = shape, settings
        self._opened: _core.OpenedData | None = None
        self._open()

    def _open(self) -> _core.OpenedData:
        if self._opened is None:
            if not os.path.exists(self.root):
                raise FileNotFoundError(errno.ENOENT, "no such file or folder", self.root)
            threads = len(os.sched_getaffinity(0))
            self._opened = _core.OpenedData(self.root, self.split, self._settings, self._shape, self._recordings,
                                            threads, _log.info)
        return self._opened

    def __getstate__(self) -> dict[str, typing.Any]:
        return {**self.__dict__, "_opened": None}

    def __len__(self) -> int:
        return self._open().size()

    def _index(self, i: typing.SupportsIndex) -> int:
        index, size = i.__index__(), len(self)
        if not -size <= index < size:
            raise IndexError(f"sample {index} of {size}")
        return index % size

    def _sample(self, i: int) -> typing.Any:
        raise NotImplementedError

    def __getitem__(self, i: typing.SupportsIndex) -> tuple[typing.Any, typing.Any]:
        index = self._index(i)
        sample, target = self._sample(index), int(self.targets[index])
        if self.transform is not None:
            sample = self.transform(sample)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return sample, target

    def __iter__(self) -> Iterator[tuple[typing.Any, typing.Any]]:
        return (self[i] for i in range(len(self)))

    @property
    def classes(self) -> list[str]:
        """The names of the classes; a label is an index into them."""
        return self._open().classes()

    @property
    def targets(self) -> np.ndarray:
        """int64 [N]: the label of each sample."""
        if "_targets" not in self.__dict__:
            self._targets = self._open().labels()
        return self._targets

    @property
    def damaged(self) -> list[str]:
        """Samples that were left out (`skip_bad`): file and fault of each."""
        return self._open().damaged()

    @property
    def report(self) -> dict[str, typing.Any]:
        """How the files became the data set: the folders of the splits, and what was left out or is there twice."""
        report: dict[str, typing.Any] = json.loads(self._open().report())
        return report

    def source(self, i: typing.SupportsIndex) -> str:
        """Where sample i comes from."""
        return self._open().source(self._index(i))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r}, split={self.split!r}): {len(self)} samples of " \
               f"{len(self.classes)} classes"


class Recordings(_Data):
    """Recordings of event cameras: DVS128 Gesture, N-MNIST, N-CARS, CIFAR10-DVS, N-Caltech101, or folders of your own.

    When the data are opened for the first time, their events are written into one compact file, as `spikemix train`
    does (docs/events.md); it is shared with the program.

    Args:
        root: a folder or archive.
        split: "train", "test", or "validation" (with `validation`).
        T: samples are frames, float32 [T, 2, height, width]; None: they are `Events`.
        by: "count" or "time": how frames are made (`spikemix.events.frames`); of all recordings' largest sensor, so
            that they have one shape.
        binary: frames have 1 where there is any event, in the place of their number.
        size: (height, width) of the frames, in the place of the sensor's.
        transform: called with the sample: one of tonic's or a function of yours.
        target_transform: called with the label, an int.
        format: one of `formats()`.
        cache: folder of the compact copy; "off": none is kept, and each process reads the files; "": $SPIKEMIX_CACHE,
            else ~/.cache/spikemix.
        sensor: (width, height) in pixels, instead of what the files say.
        time_unit: of the times of .npz files: "s", "ms", "us" or "ns".
        skip_bad: the number of damaged recordings of a split that may be left out; 0: a damaged one is an error.
        limit: the number of samples to take, the same share of each class; 0: all.
        validation: share of the training samples that is split off, the same as in a training with `seed`; "train" then
            has the others.
        seed: of the choice of the validation samples.
    """

    _recordings = True

    def __init__(self, root: str | os.PathLike[str], split: str = "train", *, T: int | None = None, by: str = "count",
                 binary: bool = False, size: Sequence[int] | None = None, transform: Transform | None = None,
                 target_transform: Transform | None = None, format: str = "auto", cache: str = "",
                 sensor: Sensor | None = None, time_unit: str = "", skip_bad: int = 0, limit: int = 0,
                 validation: float = 0.0, seed: int = 0) -> None:
        if T is not None and T < 1:
            raise ValueError(f"T={T}: expected 1 or more")
        self._frames = None if T is None else (T, _by_time(by), binary, *_frame_size(size))
        size_text = "" if sensor is None else "{}x{}".format(*_sensor(sensor))
        super().__init__(root, split, [], transform, target_transform,
                         {"format": format, "cache": os.fspath(cache), "sensor": size_text, "time_unit": time_unit,
                          "skip_bad": skip_bad, "limit": limit, "validation": validation, "seed": seed})

    @property
    def sensor(self) -> Sensor | None:
        """(width, height) of the largest sensor of the recordings, of both splits."""
        sensor: Sensor | None = self._open().recording(0)["sensor"]
        return sensor

    def info(self, i: typing.SupportsIndex) -> dict[str, typing.Any]:
        """What is known of recording i before it is read: sensor, own (its own sensor), events, first_t, last_t."""
        return self._open().recording(self._index(i))

    def events(self, i: typing.SupportsIndex) -> Events:
        """The events of recording i, in order of time."""
        return _from_bytes(self._open().events(self._index(i)), self.sensor)

    def _sample(self, i: int) -> typing.Any:
        return self.events(i) if self._frames is None else self._open().frames(i, *self._frames)


class Pictures(_Data):
    """Labelled pictures: CIFAR-10 and -100, MNIST and its like, or folders and archives of picture files.

    Samples are uint8 [height, width, channels], RGB or grey.

    Args:
        root: a folder or archive.
        split: "train", "test", or "validation" (with `validation`).
        size: (height, width): the largest centred part of that shape, resized. Picture files are then decoded once,
            into the cache that `spikemix train` has for a model of this size. None: as they are, decoded at each
            access.
        channels: 1 or 3, with `size`.
        transform: called with the sample.
        target_transform: called with the label, an int.
        format: one of `formats()`.
        cache: folder of the decoded copy, as for `Recordings`.
        skip_bad: damaged pictures of a split that may be left out.
        limit: samples to take; 0: all.
        validation: share of the training samples that is split off.
        seed: of the choice of the validation samples.
    """

    _recordings = False

    def __init__(self, root: str | os.PathLike[str], split: str = "train", *, size: Sequence[int] | None = None,
                 channels: int = 3, transform: Transform | None = None, target_transform: Transform | None = None,
                 format: str = "auto", cache: str = "", skip_bad: int = 0, limit: int = 0, validation: float = 0.0,
                 seed: int = 0) -> None:
        shape = [] if size is None else [*_frame_size(size), channels]
        super().__init__(root, split, shape, transform, target_transform,
                         {"format": format, "cache": os.fspath(cache), "sensor": "", "time_unit": "",
                          "skip_bad": skip_bad, "limit": limit, "validation": validation, "seed": seed})

    def _sample(self, i: int) -> np.ndarray:
        return self._open().image(i)
