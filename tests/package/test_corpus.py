# SPDX-License-Identifier: MIT
"""The files that script/fuzz begins with, read through Python: whole, damaged, and by readers of other kinds. Each is
read or refused with a ValueError (InputError is one); nothing else comes out, and Python goes on."""
import io

import numpy as np
import pytest

import spikemix
from spikemix import events

from places import CORPUS

FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
ROUNDS = 60


def run(model):
    logits = model(np.ones((1, *model.input_shape), np.float32))
    assert logits.shape == (1, len(model.labels))
    model.step(np.ones(model.input_shape[-3:], np.float32))


def take(recording):
    assert recording.dtype == events.EVENT
    sensor = recording.sensor or (1024, 1024)
    if len(recording) and (recording["x"].max() >= sensor[0] or recording["y"].max() >= sensor[1]):
        raise AssertionError("events outside of the sensor")
    assert events.frames(recording, T=2, sensor=sensor).sum() <= len(recording)


# (content, path of a file with it): what a user has it read by.
MODELS = [lambda content, path: run(spikemix.load(content)),
          lambda content, path: run(spikemix.load(path, precision="int8"))]
RECORDINGS = [lambda content, path: take(events.read(content)),
              lambda content, path: take(events.read(path, truncated=True, unordered=True)),
              lambda content, path: [take(chunk) for chunk in events.read(io.BytesIO(content), chunk=7)],
              lambda content, path: [take(window) for window in events.read(content, chunk_us=1000)],
              lambda content, path: events.info(content, sensor=(64, 64)),
              lambda content, path: list(zip(range(50), events.stream(path, step_events=20, sensor=(64, 64))))]
PICTURES = [lambda content, path: events.picture(path),
            lambda content, path, model=spikemix.load(): model.preprocess(path)]
READERS = {"model": MODELS, "recording": RECORDINGS, "picture": PICTURES}


def outcome(reader, content, path):
    """Whether it was read."""
    try:
        reader(content, path)
    except ValueError as error:
        assert str(error) and "\n" not in str(error)
        return False
    return True


@pytest.fixture
def place(tmp_path):
    return tmp_path / "file"


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_whole(file):
    """Read by the readers of its kind, and by no other."""
    content = file.read_bytes()
    for kind, readers in READERS.items():
        for reader in readers:
            assert outcome(reader, content, file) == (kind == file.parent.name), kind


def damage(content, rng):
    damaged = bytearray(content)
    head = rng.random() < 0.5  # where most of what a reader decides by lies
    for place in rng.integers(0, min(len(content), 256) if head else len(content), rng.integers(1, 6)):
        damaged[place] = rng.choice([0, 1, 0x7f, 0x80, 0xff, rng.integers(256)])
    if rng.random() < 0.3:
        del damaged[rng.integers(len(damaged)):]
    elif rng.random() < 0.2:
        damaged += damaged[rng.integers(len(damaged)):]
    return bytes(damaged)


@pytest.mark.parametrize("file", [file for file in FILES if file.parent.name in READERS],
                         ids=lambda file: f"{file.parent.name}-{file.name}")
def test_damaged(file, place):
    rng, whole, read = np.random.default_rng(0), file.read_bytes(), []
    for i in range(ROUNDS):
        content = damage(whole, rng)
        place.write_bytes(content)
        readers = READERS[file.parent.name]
        read.append(outcome(readers[i % len(readers)], content, place))
    assert not all(read)


def test_nothing_and_noise(place):
    for size in (0, 1, 2, 3, 7, 8, 9, 100, 5000):
        content = np.random.default_rng(size).bytes(size)
        place.write_bytes(content)
        for kind, readers in READERS.items():
            for reader in readers:
                outcome(reader, content, place)


def test_files_that_are_not_there(place):
    for reader in (spikemix.load, events.read, events.info, events.picture, spikemix.load().preprocess):
        with pytest.raises(FileNotFoundError, match="no such"):
            reader(place)
