# SPDX-License-Identifier: MIT
"""spikemix.data: data sets through the program's caches, for any training loop."""
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import spikemix
from spikemix import data, events

from made import files_of_classes, same, some_events, some_pixels, write_ppm

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def recordings(tmp_path):
    """For each of two classes, three recordings in train/ and two in test/, in two formats."""
    for path, seed in files_of_classes(tmp_path / "set", train=3, test=2):
        events.write(path.with_suffix((".aedat", ".aedat4")[seed % 2]), some_events(seed=seed))
    return tmp_path / "set"


@pytest.fixture
def pictures(tmp_path):
    """Pictures of 12 x 10 pixels: for each of two classes, four in train/ and two in test/."""
    for path, seed in files_of_classes(tmp_path / "pictures", train=4, test=2):
        write_ppm(path.with_suffix(".ppm"), some_pixels(10, 12, 3, seed=seed))
    return tmp_path / "pictures"


def test_recordings_are_events_or_frames_with_labels(recordings):
    ds = data.Recordings(recordings)
    assert len(ds) == 6 and ds.classes == ["cat", "dog"] and ds.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert ds.sensor == (40, 30) and "6 samples of 2 classes" in repr(ds)
    sample, label = ds[4]
    assert label == 1 and type(label) is int and same(sample, some_events(seed=11)) and sample.sensor == (40, 30)
    assert ds.source(4).endswith("train/dog/1.aedat4") and ds.info(4)["events"] == 5000
    assert same(ds[-1][0], ds[5][0]) and len(list(ds)) == 6 and ds.damaged == []
    assert ds.report["train_folder"].endswith("train")
    for wrong in (6, -7):
        with pytest.raises(IndexError):
            ds[wrong]
    test = data.Recordings(recordings, "test", T=4, by="time")
    frames, label = test[np.int64(3)]
    assert label == 1 and np.array_equal(frames, events.frames(some_events(seed=111), T=4, by="time"))
    small = data.Recordings(recordings, T=4, size=(15, 20), binary=True)
    assert np.array_equal(small[0][0], events.frames(some_events(seed=0), T=4, size=(15, 20), binary=True))


def test_transforms_compose(recordings):
    half = data.Recordings(recordings, transform=lambda e: events.frames(e[: len(e) // 2], T=2),
                           target_transform=lambda label: label + 10)
    sample, label = half[3]
    assert label == 11 and sample.sum() == 2500 and sample.shape == (2, 2, 30, 40)
    assert data.Recordings(recordings, T=2, transform=np.sign)[0][0].max() == 1


def test_splits_and_limits(recordings, pictures):
    parts = [data.Recordings(recordings, split, validation=1 / 3, seed=5) for split in ("train", "validation")]
    assert [len(part) for part in parts] == [4, 2] and parts[1].targets.tolist() == [0, 1]
    sources = {part.source(i) for part in parts for i in range(len(part))}
    assert len(sources) == 6
    assert data.Recordings(recordings, limit=2).targets.tolist() == [0, 1]
    assert data.Pictures(pictures, limit=4, size=(8, 8)).targets.tolist() == [0, 0, 1, 1]
    assert len(data.Pictures(pictures, "validation", validation=0.25)) == 2


def test_pictures_as_decoded_and_fitted(pictures):
    ds = data.Pictures(pictures)
    picture, label = ds[5]
    assert label == 1 and picture.dtype == np.uint8 and np.array_equal(picture, some_pixels(10, 12, 3, seed=11))
    fitted = data.Pictures(pictures, "test", size=(10, 10))
    assert fitted[0][0].shape == (10, 10, 3) and np.array_equal(fitted[0][0], some_pixels(10, 12, 3, seed=100)[:, 1:11])
    again = data.Pictures(pictures, "test", size=(10, 10))  # from the cache
    assert np.array_equal(again[3][0], fitted[3][0])
    grey = data.Pictures(pictures, size=(5, 5), channels=1)
    assert grey[0][0].shape == (5, 5, 1)
    assert ds[0][0].flags.writeable  # each access is a new array


def test_idx_files_are_pictures(tmp_path):
    for name, images in (("train", 20), ("t10k", 10)):
        pixels = np.arange(images * 9, dtype=np.uint8)
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(
            np.array([0x803, images, 3, 3], ">i4").tobytes() + pixels.tobytes())
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(
            np.array([0x801, images], ">i4").tobytes() + bytes(i % 10 for i in range(images)))
    ds = data.Pictures(tmp_path)
    assert len(ds) == 20 and ds[1][1] == 1 and ds[1][0].ravel().tolist() == list(range(9, 18))
    assert data.Pictures(tmp_path, size=(6, 6))[0][0].shape == (6, 6, 3)


def test_wrong_data_are_refused(recordings, pictures, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        data.Recordings(tmp_path / "nothing")
    with pytest.raises(spikemix.InputError, match="spikemix.data.Pictures reads them"):
        data.Recordings(pictures)
    with pytest.raises(spikemix.InputError, match="spikemix.data.Recordings reads them"):
        data.Pictures(recordings)
    with pytest.raises(spikemix.InputError, match="no data set found"):
        (tmp_path / "empty").mkdir()
        data.Pictures(tmp_path / "empty")
    with pytest.raises(spikemix.InputError, match="unknown data format.*imagefolder"):
        data.Pictures(pictures, format="imagefoldr")
    (recordings / "train" / "cat" / "0.aedat").write_bytes(b"#!AER-DAT3.1\r\n")
    with pytest.raises(spikemix.InputError, match="cat/0.aedat"):
        data.Recordings(recordings)
    left = data.Recordings(recordings, skip_bad=1)
    assert len(left) == 5 and len(left.damaged) == 1
    for wrong in ({"split": "training"}, {"split": "validation"}, {"T": 0}, {"by": "number"}, {"skip_bad": -1},
                  {"validation": 1.0}, {"sensor": 3}, {"time_unit": "h"}, {"limit": 99}):
        with pytest.raises(ValueError):
            data.Recordings(recordings, **wrong)
    for wrong in ({"size": (0, 3)}, {"size": 3}, {"size": (4, 4), "channels": 2}):
        with pytest.raises(ValueError):
            data.Pictures(pictures, **wrong)


def test_without_a_cache(recordings, pictures, tmp_path):
    assert same(data.Recordings(recordings, cache="off")[0][0], some_events(seed=0))
    assert data.Pictures(pictures, cache="off", size=(10, 10))[0][0].shape == (10, 10, 3)
    assert not (tmp_path / "cache").exists()
    data.Recordings(recordings, cache=tmp_path / "elsewhere")
    assert list((tmp_path / "elsewhere").iterdir())


def test_a_copy_reopens_the_data(recordings, monkeypatch):
    monkeypatch.chdir(recordings.parent)
    ds = data.Recordings("set", T=3)
    copy = pickle.dumps(ds)
    monkeypatch.chdir("/")
    copy = pickle.loads(copy)
    assert len(copy) == 6 and np.array_equal(copy[2][0], ds[2][0])


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_dataloader_takes_them(recordings, pictures, start):
    torch = pytest.importorskip("torch")
    both = [data.Recordings(recordings, T=4), data.Pictures(pictures, size=(8, 8))]
    for ds in both if start == "fork" else both[:1]:  # a spawned worker imports torch again
        loader = torch.utils.data.DataLoader(ds, batch_size=2, num_workers=2, multiprocessing_context=start)
        samples, labels = zip(*loader)
        assert torch.equal(torch.cat(labels), torch.as_tensor(ds.targets))
        assert np.array_equal(torch.cat(samples).numpy(), np.stack([sample for sample, _ in ds]))


def test_formats_equal_the_programs():
    names = {form.name for form in data.formats()}
    assert {"cifar10", "idx", "dvsgesture", "recordings", "imagefolder"} <= names
    assert {form.name for form in data.formats() if form.recordings} == {"dvsgesture", "recordings"}


def test_the_cache_is_shared_with_the_program(recordings, tmp_path):
    subprocess.run([sys.executable, "-m", "spikemix", "data", "info", recordings, "--json"], check=True,
                   capture_output=True)
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.events")}
    assert len(made) == 1
    assert len(data.Recordings(recordings)) == 6
    assert made == {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.events")}


def test_dvs_gesture(recorded):
    root = recorded / "DvsGesture"
    ds = data.Recordings(root, "train", T=16)
    truth = sorted(root.glob("user01*.json"))
    assert ds.sensor == (128, 128) and ds[0][0].shape == (16, 2, 128, 128)
    assert len(ds) == len((root / "user01_fluorescent_labels.csv").read_text().split()) - 1
    assert sum(ds.info(i)["events"] for i in range(len(ds))) <= json.loads(truth[0].read_text())["events"]


def test_nmnist_in_an_archive(recorded):
    ds = data.Recordings(recorded / "nmnist-1k.tar.xz", "test", T=4)
    assert len(ds) == 100 and ds.classes == list("0123456789") and ds[0][0].shape == (4, 2, 34, 34)
