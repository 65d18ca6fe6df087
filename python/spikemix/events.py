# SPDX-License-Identifier: MIT
"""Recordings of event cameras: read and write every format that spikemix knows, frames, pictures, a simulator.

Events are numpy arrays of records (t, x, y, p): microseconds, column, row, and True where the brightness rose. They are
what tonic and expelliarmus take and give, and know besides how large their sensor was. Times are in microseconds,
sensors are (width, height) in pixels, frames are [T, 2, height, width] with off events first.
"""
from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import threading
import typing

import numpy as np

from . import _core

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Sensor = tuple[int, int]
    #: A path, `unix:PATH` (a socket to be made), bytes, or a binary file object or socket.
    Source = typing.Union[str, os.PathLike[str], bytes, bytearray, memoryview, typing.BinaryIO, socket.socket]

__all__ = ["EVENT", "Events", "Reader", "Simulator", "formats", "frames", "info", "picture", "read", "render",
           "simulate", "stream", "write"]

EVENT = np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<u2", "<u2", "?"], "offsets": [0, 8, 10, 12],
                  "itemsize": 16})
"""The type of an event: 16 bytes, as the readers make them. t int64 (microseconds), x and y uint16, p bool."""
_EVENT_P8 = np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<u2", "<u2", "u1"], "offsets": [0, 8, 10, 12],
                      "itemsize": 16})
_NAMES = {"t": ("t", "ts", "timestamp"), "x": ("x",), "y": ("y",), "p": ("p", "on", "polarity")}


class Events(np.ndarray):
    """An array [N] of EVENT records that knows its sensor.

    `sensor` is (width, height), or None where the recording does not say. Columns (`events["x"]`) are plain arrays,
    slices and masks keep the sensor.
    """

    sensor: Sensor | None

    def __new__(cls, events: typing.Any, sensor: Sensor | None = None) -> Events:
        array = _records(events).view(cls)
        array.sensor = _sensor(sensor) if sensor is not None else getattr(events, "sensor", None)
        return array

    def __array_finalize__(self, other: typing.Any) -> None:
        self.sensor = getattr(other, "sensor", None)

    def __getitem__(self, key: typing.Any) -> typing.Any:
        item = super().__getitem__(key)
        return item.view(np.ndarray) if isinstance(item, Events) and item.dtype.names is None else item

    def __reduce__(self) -> typing.Any:
        make, arguments, state = typing.cast("tuple[typing.Any, ...]", super().__reduce__())
        return make, arguments, (state, self.sensor)

    def __setstate__(self, state: typing.Any) -> None:
        array, self.sensor = state
        super().__setstate__(array)


def _sensor(sensor: typing.Any) -> Sensor:
    try:
        width, height = (int(side) for side in sensor[:2])  # tonic's sensor_size has a third number, the polarities
    except (TypeError, ValueError):
        raise ValueError(f"sensor={sensor!r}: expected (width, height) in pixels") from None
    if not (0 < width <= 65536 and 0 < height <= 65536):
        raise ValueError(f"sensor={sensor!r}: expected (width, height) of 1 to 65536 pixels")
    return width, height


def _records(events: typing.Any) -> np.ndarray:
    """The events as contiguous EVENT records: their own memory where they lie so already."""
    if isinstance(events, np.ndarray) and events.dtype in (EVENT, _EVENT_P8):
        if events.ndim != 1:
            raise ValueError(f"events of shape {events.shape}: expected one dimension")
        return np.ascontiguousarray(events).view(EVENT)
    names = events.dtype.names if isinstance(events, np.ndarray) else events
    columns = {}
    for field, others in _NAMES.items():
        found = [name for name in others if names is not None and name in names]
        if not found:
            seen = ", ".join(map(str, names)) if names is not None else f"an array of {events.dtype}"
            raise ValueError(f"events with {seen}: expected records or a dict with t, x, y and p")
        columns[field] = np.asarray(events[found[0]])
    if any(column.shape != columns["t"].shape or column.ndim != 1 for column in columns.values()):
        shapes = ", ".join(f"{field} {column.shape}" for field, column in columns.items())
        raise ValueError(f"events whose columns differ in shape: {shapes}")
    records = np.zeros(len(columns["t"]), EVENT)
    for field in "txy":
        column, low, high = columns[field], *((-2**62, 2**62) if field == "t" else (0, 65535))
        if column.dtype.kind not in "iuf" or (column.dtype.kind == "f" and not (column == np.floor(column)).all()):
            raise ValueError(f"events whose {field} is {column.dtype}: expected whole numbers"
                             + (" of microseconds" if field == "t" else ""))
        if len(column) and (column.min() < low or column.max() > high):
            raise ValueError(f"events with {field} from {column.min()} to {column.max()}: expected {low} to {high}")
        records[field] = column
    p = columns["p"]
    if p.dtype.kind != "b" and len(p) and not np.isin(p, (0, 1)).all() and not np.isin(p, (-1, 1)).all():
        raise ValueError("events of polarities that are neither 0 and 1 nor -1 and 1")
    records["p"] = p if p.dtype.kind == "b" else p > 0
    return records


def _bytes(records: np.ndarray) -> np.ndarray:
    return records.view(np.ndarray).view(np.uint8)


def _from_bytes(array: np.ndarray, sensor: Sensor | None) -> Events:
    events = array.view(EVENT).view(Events)
    events.sensor = sensor
    return events


def _accept(path: str) -> socket.socket:
    """Waits for one connection to a Unix socket made at `path`; Ctrl-C ends it."""
    if threading.current_thread() is not threading.main_thread():
        return socket.socket(fileno=_core.accept_connection(path, -1))
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    earlier = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        while True:
            try:
                return socket.socket(fileno=_core.accept_connection(path, woken))
            except _core.InputError:
                # A signal's handler has run by now and raised, or did not mean to end anything.
                os.set_blocking(woken, False)
                try:
                    os.read(woken, 4096)
                except BlockingIOError:
                    raise
    finally:
        signal.set_wakeup_fd(earlier)
        os.close(woken)
        os.close(wake)


def _open(source: Source, *, truncated: bool, unordered: bool, sensor: Sensor | None,
          time_unit: str | None) -> _core.EventStream:
    options = _core.ReadOptions(truncated, unordered, None if sensor is None else _sensor(sensor), time_unit or "")
    if isinstance(source, (bytes, bytearray, memoryview)) or isinstance(source, np.ndarray):
        return _core.open_bytes("bytes", np.frombuffer(source, np.uint8), options)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if path.startswith("unix:"):
            return _open_object(_accept(path[len("unix:"):]), path, options)
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "no such file", path) from None
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            return _core.open_path(path if path != "-" else "./-", options)
        return _open_object(open(path, "rb", buffering=0), path, options)
    return _open_object(source, None, options)


def _open_object(file: typing.Any, name: str | None, options: _core.ReadOptions) -> _core.EventStream:
    read = next((getattr(file, method) for method in ("recv", "read1", "read") if hasattr(file, method)), None)
    if read is None:
        raise TypeError(f"a recording of type {type(file).__name__}: expected a path, bytes, or a binary file object "
                        "or socket")
    if name is None:
        name = file.name if isinstance(getattr(file, "name", None), str) else f"<{type(file).__name__}>"
    seek, size, origin = None, None, 0
    if hasattr(file, "seekable") and file.seekable():
        origin = file.tell()
        size, seek = file.seek(0, os.SEEK_END) - origin, file.seek
        file.seek(origin)
    return _core.open_object(name, read, seek, size, origin, options)


class Reader:
    """A recording from front to back, in memory that does not grow with it: what `read(source, chunk=...)` returns.

    Iterating gives `Events`, in the file's order. `format` is the format's name, `sensor` (width, height) or None.
    """

    def __init__(self, stream: _core.EventStream, chunk: int | None, chunk_us: int | None, start: int | None,
                 stop: int | None) -> None:
        self._stream, self._chunk, self._chunk_us, self._span = stream, chunk, chunk_us, (start, stop)

    @property
    def format(self) -> str:
        """The name of the recording's format, one of `formats()`."""
        return self._stream.format

    @property
    def sensor(self) -> Sensor | None:
        """(width, height) in pixels, None if the recording does not say."""
        return self._stream.sensor

    def __iter__(self) -> Iterator[Events]:
        return self

    def __next__(self) -> Events:
        if self._chunk_us is not None:
            events = self._stream.window(self._chunk_us)
        else:
            events = self._stream.read(self._chunk, *self._span)
        if events is None or (self._chunk_us is None and len(events) == 0):
            raise StopIteration
        return _from_bytes(events, self.sensor)


@typing.overload
def read(source: Source, *, start: int | None = None, stop: int | None = None, chunk: None = None,
         chunk_us: None = None, truncated: bool = False, unordered: bool = False, sensor: Sensor | None = None,
         time_unit: str | None = None) -> Events: ...
@typing.overload
def read(source: Source, *, start: int | None = None, stop: int | None = None, chunk: int,
         chunk_us: None = None, truncated: bool = False, unordered: bool = False, sensor: Sensor | None = None,
         time_unit: str | None = None) -> Reader: ...
@typing.overload
def read(source: Source, *, start: None = None, stop: None = None, chunk: None = None,
         chunk_us: int, truncated: bool = False, unordered: bool = False, sensor: Sensor | None = None,
         time_unit: str | None = None) -> Reader: ...


def read(source: Source, *, start: int | None = None, stop: int | None = None, chunk: int | None = None,
         chunk_us: int | None = None, truncated: bool = False, unordered: bool = False, sensor: Sensor | None = None,
         time_unit: str | None = None) -> Events | Reader:
    """The events of a recording: all of them, those of a span of time, or chunk by chunk.

    Args:
        source: a path; "unix:PATH", a socket that is made and waited at for one connection; bytes or anything with
            their memory; a binary file object or a socket. The format is seen in the first bytes (`formats()`).
        start: first time to keep, in microseconds of the recording's clock.
        stop: first time to leave out. Reading ends there, unless `unordered`.
        chunk: return an iterator over arrays of this many events; the last one may be shorter. From a pipe or socket, a
            chunk is what has arrived. Memory holds one chunk.
        chunk_us: return an iterator over windows of this many microseconds, counted from the first event. Windows
            without events are empty; after 1,000 of them in a row, the next window begins with the next event.
        truncated: read a file that ends inside an event up to its last whole one.
        unordered: read times that run back as they are.
        sensor: (width, height) in pixels, used instead of what the file or its format says.
        time_unit: "s", "ms", "us" or "ns": the unit of an npz whose times are not whole microseconds.

    Returns:
        `Events` [N], or a `Reader` that gives them.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is no recording, damaged or cut: the text names the byte, what stands there and what was
            expected. A ValueError.
    """
    for name, value in (("chunk", chunk), ("chunk_us", chunk_us)):
        if value is not None and value < 1:
            raise ValueError(f"{name}={value}: expected 1 or more")
    if chunk_us is not None and (chunk is not None or start is not None or stop is not None):
        raise ValueError("chunk_us: expected without chunk, start and stop")
    if start is not None and stop is not None and start >= stop:
        raise ValueError(f"start={start}, stop={stop}: expected a start before the stop")
    stream = _open(source, truncated=truncated, unordered=unordered, sensor=sensor, time_unit=time_unit)
    if chunk is not None or chunk_us is not None:
        return Reader(stream, chunk, chunk_us, start, stop)
    return _from_bytes(stream.read(None, start, stop), stream.sensor)


def info(source: Source, *, truncated: bool = False, unordered: bool = True, sensor: Sensor | None = None,
         time_unit: str | None = None) -> dict[str, typing.Any]:
    """What a recording is, read once in bounded memory: what `spikemix events info --json` says.

    Returns:
        format, width and height (where the recording does not say, of the smallest sensor that holds all events),
        events, first_t and last_t (microseconds), on, off, sum_x, sum_y, monotonic (time never runs back).
    """
    return _open(source, truncated=truncated, unordered=unordered, sensor=sensor, time_unit=time_unit).info()


def write(path: str | os.PathLike[str], events: typing.Any, *, sensor: Sensor | None = None) -> None:
    """Writes events as a recording: .aedat (AEDAT 3.1), .aedat4 or .npz, by the path's ending.

    The file appears whole or not at all.

    Args:
        path: the file to write.
        events: `Events`, or any records or dict with t, x, y and p, in order of time.
        sensor: (width, height) in pixels, where the events do not know it. An .npz file does not hold it.

    Raises:
        InputError: another ending, times that run back, an event outside of the sensor or one that the format cannot
            hold.
    """
    path = os.fspath(path)
    records, size = _records(events), _sensor_of(events, sensor)
    if size is None and not path.endswith(".npz"):
        raise ValueError(f"{path}: the sensor of these events is not known; give sensor=(width, height)")
    _core.write_events(path, _bytes(records), size)


def _sensor_of(events: typing.Any, sensor: Sensor | None) -> Sensor | None:
    return getattr(events, "sensor", None) if sensor is None else _sensor(sensor)


def _known_sensor(events: typing.Any, sensor: Sensor | None) -> Sensor:
    size = _sensor_of(events, sensor)
    if size is None:
        raise ValueError("the sensor of these events is not known; give sensor=(width, height)")
    return size


def _smallest_sensor(records: np.ndarray) -> Sensor:
    return (int(records["x"].max()) + 1, int(records["y"].max()) + 1) if len(records) else (1, 1)


def _by_time(by: str) -> bool:
    if by not in ("count", "time"):
        raise ValueError(f"by={by!r}: expected 'count' or 'time'")
    return by == "time"


def _frame_size(size: Sequence[int] | None) -> tuple[int, int]:
    if size is None:
        return 0, 0
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError):
        raise ValueError(f"size={size!r}: expected (height, width)") from None
    if height < 1 or width < 1:
        raise ValueError(f"size={size!r}: expected (height, width) of 1 or more")
    return height, width


def _check_steps(step_us: int | None, step_events: int | None) -> tuple[int, int]:
    if (step_us is None) == (step_events is None):
        raise ValueError("expected one of step_us and step_events")
    for name, value in (("step_us", step_us), ("step_events", step_events)):
        if value is not None and value < 1:
            raise ValueError(f"{name}={value}: expected 1 or more")
    return step_us or 0, step_events or 0


def frames(events: typing.Any, T: int | None = None, by: str = "count", *, step_us: int | None = None,
           step_events: int | None = None, sensor: Sensor | None = None, size: Sequence[int] | None = None,
           binary: bool = False) -> np.ndarray:
    """Events summed up into frames, as `spikemix train` feeds them (and SpikingJelly, event for event).

    Args:
        events: `Events`, or any records or dict with t, x, y and p; in order of time.
        T: number of frames; 16 if none of T, step_us and step_events is given.
        by: "count": each frame has floor(N / T) of the N events. "time": each lasts floor((last t - first t) / T)
            microseconds. The last frame also has what is left.
        step_us: each frame lasts this many microseconds, and there are as many as the events fill; what `spikemix
            stream` does. After 1,000 frames without events in a row, the next begins with the next event.
        step_events: each frame has this many events, and there are as many as the events fill; the last one has what is
            left.
        sensor: (width, height) in pixels, where the events do not know it.
        size: (height, width) of a frame in pixels, instead of the sensor's. Blocks of k x k pixels are summed up, with
            the smallest whole k that makes them fit; they lie in the middle, between zeros.
        binary: 1 where there is any event, instead of the number of events.

    Returns:
        float32 [T, 2, height, width]; off events, then on.
    """
    records, sensor = _records(events), _known_sensor(events, sensor)
    height, width = _frame_size(size)
    by_time = _by_time(by)
    if step_us is None and step_events is None:
        return _core.frames(_bytes(records), 16 if T is None else T, by_time, sensor, height, width, binary)
    if T is not None:
        raise ValueError("expected one of T, step_us and step_events")
    us, each = _check_steps(step_us, step_events)
    return _core.steps(_bytes(records), us, each, sensor, height, width, binary)


def stream(source: Source, *, step_us: int | None = None, step_events: int | None = None,
           sensor: Sensor | None = None, size: Sequence[int] | None = None, binary: bool = False,
           truncated: bool = False, unordered: bool = False, time_unit: str | None = None) -> Iterator[np.ndarray]:
    """The frames of a recording as it comes, one by one, in bounded memory: for `model.step(frame)`.

    Arguments as `frames` and `read` have them; one of step_us and step_events. A recording that does not say its sensor
    needs `sensor`.

    Yields:
        float32 [2, height, width]; off events, then on.
    """
    us, each = _check_steps(step_us, step_events)
    height, width = _frame_size(size)
    opened = _open(source, truncated=truncated, unordered=unordered, sensor=sensor, time_unit=time_unit)
    if opened.sensor is None:
        raise ValueError("this recording does not say how large its sensor is; give sensor=(width, height)")
    return _frames_of(_core.StepStream(opened, us, each, None, height, width, binary))


def _frames_of(steps: _core.StepStream) -> Iterator[np.ndarray]:
    while (frame := steps.next()) is not None:
        yield frame


def render(events: typing.Any, path: str | os.PathLike[str] | None = None, *, T: int | None = None, by: str = "time",
           sensor: Sensor | None = None, scale: int = 0) -> np.ndarray | None:
    """Pictures of events, on red and off blue on white: what `spikemix events render` draws.

    Args:
        events: `Events`, or any records or dict with t, x, y and p; in order of time.
        path: .png, a sheet of all pictures, or .apng, an animation; None returns them.
        T: number of pictures: 16, of an animation 50.
        by: "time" or "count", as `frames` has them.
        sensor: (width, height) in pixels, where the events do not know it; by default the smallest that holds them.
        scale: pixels of the picture for each pixel of the sensor; 0: so that a picture is about 128 wide.

    Returns:
        uint8 [T, height, width, 3] without a path.
    """
    records = _records(events)
    sensor = _sensor_of(events, sensor) or _smallest_sensor(records)
    by_time = _by_time(by)
    if path is None:
        return _core.draw_frames(_bytes(records), 16 if T is None else T, by_time, sensor, scale)
    path = os.fspath(path)
    _core.render(path, _bytes(records), (50 if path.endswith(".apng") else 16) if T is None else T, by_time, sensor,
                 scale)
    return None


class Simulator:
    """A camera before which pictures are moved along four saccades, as CIFAR10-DVS was recorded from a screen.

    Args:
        sensor: (width, height) in pixels.
        duration_ms: of a recording.
        loops: times along the closed path.
        amplitude: pixels of the sensor from the path's middle to its corners.
        on_threshold: rise of the logarithm of the intensity that makes an on event.
        off_threshold: fall of it that makes an off event.
        mismatch: standard deviation of the thresholds from pixel to pixel.
        refractory_us: time after an event in which the pixel makes no other, in microseconds.
        background_hz: noise events of a pixel in a second.
        leak_hz: on events of a pixel in a second that leakage makes.
        dark: intensity, 0 to 1, that is added before the logarithm is taken.
        seed: of the thresholds and the noise.
    """

    def __init__(self, sensor: Sensor = (128, 128), *, duration_ms: float = 100, loops: int = 1, amplitude: float = 6,
                 on_threshold: float = 0.25, off_threshold: float = 0.25, mismatch: float = 0.03,
                 refractory_us: float = 200, background_hz: float = 0.5, leak_hz: float = 0.1, dark: float = 0.05,
                 seed: int = 0) -> None:
        self.sensor = _sensor(sensor)
        self._core = _core.EventSimulator(self.sensor, duration_ms, loops, amplitude, on_threshold, off_threshold,
                                          mismatch, refractory_us, background_hz, leak_hz, dark, seed)

    def __call__(self, image: typing.Any, index: int = 0) -> Events:
        """The events of a picture, in order of time: the same for the same seed, index and picture.

        Args:
            image: a picture's path, or uint8 [height, width] or [height, width, channels]; of any size.
            index: number of the picture: it decides the noise.
        """
        if isinstance(image, (str, os.PathLike)):
            image = picture(image)
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim not in (2, 3):
            raise ValueError(f"a picture of {image.dtype} {list(image.shape)}: expected uint8 [height, width] or "
                             "[height, width, channels]")
        if index < 0:
            raise ValueError(f"index={index}: expected 0 or more")
        image = np.ascontiguousarray(image.reshape(*image.shape[:2], -1))
        return _from_bytes(self._core.simulate(image, index), self.sensor)


def simulate(image: typing.Any, sensor: Sensor = (128, 128), *, index: int = 0, **options: typing.Any) -> Events:
    """The events of a picture that is moved before a simulated camera: `Simulator(sensor, **options)(image, index)`."""
    return Simulator(sensor, **options)(image, index)


def picture(path: str | os.PathLike[str]) -> np.ndarray:
    """A picture file (JPEG, PNG, WebP, GIF, BMP, TIFF, PPM) as uint8 [height, width, channels], RGB or grey."""
    if not os.path.exists(path):
        raise FileNotFoundError(errno.ENOENT, "no such file", os.fspath(path))
    return _core.read_picture(os.fspath(path))


class Format(typing.NamedTuple):
    """A format of recordings. `ending` is that of a file to `write`, None where it is only read."""

    name: str
    summary: str
    ending: str | None


def formats() -> list[Format]:
    """The formats of recordings that can be read."""
    return [Format(*each) for each in _core.event_formats()]
