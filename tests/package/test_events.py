# SPDX-License-Identifier: MIT
"""spikemix.events: the program's reading, writing and summing of events, in Python."""
import io
import json
import os
import pathlib
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import types
import unittest.mock

import numpy as np
import pytest

import spikemix
from spikemix import events

from made import same, some_events

WRITABLE = [form.ending for form in events.formats() if form.ending]


@pytest.fixture(params=WRITABLE)
def recording(request, tmp_path):
    path = tmp_path / f"made{request.param}"
    made = some_events()
    events.write(path, made)
    return path, made


def test_written_events_are_read_back(recording):
    path, made = recording
    got = events.read(path)
    assert isinstance(got, np.ndarray) and got.dtype == events.EVENT and got.dtype.itemsize == 16
    assert same(got, made)
    assert got.sensor == (None if path.suffix == ".npz" else (40, 30))
    assert events.info(path)["events"] == len(made) and events.info(path)["monotonic"]


def test_a_span_of_time_and_chunks_are_parts_of_the_whole(recording):
    path, made = recording
    part = events.read(path, start=100_000, stop=200_000)
    assert same(part, made[(made["t"] >= 100_000) & (made["t"] < 200_000)])
    chunks = list(events.read(path, chunk=700))
    assert [len(chunk) for chunk in chunks] == [700] * 7 + [100] and same(np.concatenate(chunks), made)
    cut = list(events.read(path, chunk=700, start=100_000, stop=200_000))
    assert all(len(chunk) == 700 for chunk in cut[:-1]) and same(np.concatenate(cut), part)
    reader = events.read(path, chunk_us=10_000)
    windows = list(reader)
    assert reader.format == events.info(path)["format"] and same(np.concatenate(windows), made)
    first = made["t"][0]
    for i, window in enumerate(windows):
        assert ((window["t"] - first) // 10_000 == i).all()


def test_silent_windows_are_empty_but_not_endless(tmp_path):
    made = some_events(3)
    made["t"] = [0, 25, 10**9]
    events.write(tmp_path / "a.npz", made)
    windows = list(events.read(tmp_path / "a.npz", chunk_us=10))
    assert [len(window) for window in windows[:4]] == [1, 0, 1, 0] and len(windows) < 2000
    assert same(np.concatenate(windows), made)


def test_paths_bytes_files_and_sockets_give_the_same(recording, tmp_path):
    path, made = recording
    content = path.read_bytes()
    assert same(events.read(str(path)), made)
    for source in (content, bytearray(content), memoryview(content), np.frombuffer(content, np.uint8),
                   io.BytesIO(content)):
        assert same(events.read(source), made)
    with open(path, "rb") as file:
        assert same(events.read(file), made)
    with open(path, "rb", buffering=0) as file:
        assert same(events.read(file), made)
    behind = io.BytesIO(b"something else" + content)
    behind.seek(len(b"something else"))
    assert same(events.read(behind), made)
    import zipfile
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("member", content)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive, archive.open("member") as member:
        assert same(events.read(member), made)


def feed(path, content, pause=0.0):
    """Sends content to the socket at `path` in two parts, as soon as the socket exists."""
    with socket.socket(socket.AF_UNIX) as camera:
        for _ in range(1000):
            try:
                camera.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        camera.sendall(content[:len(content) // 2])
        time.sleep(pause)
        camera.sendall(content[len(content) // 2:])


@pytest.mark.parametrize("ending", [ending for ending in WRITABLE if ending != ".npz"])
def test_a_socket_and_a_pipe_are_read_as_they_come(tmp_path, ending):
    made = some_events(20_000)
    events.write(tmp_path / f"a{ending}", made)
    content = (tmp_path / f"a{ending}").read_bytes()
    camera = threading.Thread(target=feed, args=(tmp_path / "camera.sock", content))
    camera.start()
    assert same(events.read(f"unix:{tmp_path}/camera.sock"), made)
    camera.join()
    assert not (tmp_path / "camera.sock").exists()

    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=lambda: (theirs.sendall(content[:len(content) // 2])))
        sender.start()
        first = next(iter(reader := events.read(ours, chunk=10**6)))  # what has arrived, not a million
        sender.join()
        assert 0 < len(first) < len(made) and same(first, made[:len(first)])
        threading.Thread(target=lambda: (theirs.sendall(content[len(content) // 2:]), theirs.close())).start()
        assert same(np.concatenate([first, *reader]), made)

    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(content))
    writer.start()
    assert same(events.read(tmp_path / "pipe"), made)
    writer.join()


def test_ctrl_c_ends_the_wait_for_a_socket(tmp_path):
    code = f"from spikemix import events; print('waits', flush=True); events.read('unix:{tmp_path}/nobody.sock')"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "waits\n"
    for _ in range(500):
        if (tmp_path / "nobody.sock").exists():
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in said and not (tmp_path / "nobody.sock").exists()


def test_a_file_objects_error_is_passed_on(tmp_path):
    class Broken(io.RawIOBase):
        def read(self, n=-1):
            raise OSError("the camera was unplugged")

    with pytest.raises(OSError, match="unplugged"):
        events.read(Broken())
    with pytest.raises(TypeError, match="binary"):
        events.read(io.StringIO("text"))
    with pytest.raises(TypeError, match="expected a path"):
        events.read(3)


def test_errors_use_pythons_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.aedat"):
        events.read(tmp_path / "nothing.aedat")
    with pytest.raises(spikemix.InputError, match="is a folder"):
        events.read(tmp_path)
    with pytest.raises(ValueError, match="begins with 'hello"):
        events.read(b"hello, I am no recording")
    with pytest.raises(ValueError, match="empty"):
        events.read(b"")
    made = some_events()
    events.write(tmp_path / "a.aedat", made)
    content = (tmp_path / "a.aedat").read_bytes()
    with pytest.raises(spikemix.InputError, match="truncated=True"):
        events.read(content[:-3])
    assert same(events.read(content[:-3], truncated=True), made[:-1])
    with pytest.raises(spikemix.InputError, match=r"expected x below 20.*\(sensor=\)"):
        events.read(content, sensor=(20, 20))
    with pytest.raises(ValueError, match="expected .width, height."):
        events.read(content, sensor=20)
    with pytest.raises(ValueError, match="time_unit"):
        events.read(content, time_unit="hours")
    with pytest.raises(ValueError, match="chunk=0"):
        events.read(content, chunk=0)
    with pytest.raises(ValueError, match="start before"):
        events.read(content, start=5, stop=5)
    swapped = made.copy()
    swapped[[10, 20]] = swapped[[20, 10]]
    np.savez(tmp_path / "swapped.npz", **{field: swapped[field] for field in "txyp"})
    with pytest.raises(spikemix.InputError, match="unordered=True"):
        events.read(tmp_path / "swapped.npz")
    assert same(events.read(tmp_path / "swapped.npz", unordered=True), swapped)
    assert not events.info(tmp_path / "swapped.npz")["monotonic"]


def test_events_that_cannot_be_written_are_refused(tmp_path):
    made = some_events()
    plain = made.view(np.ndarray)
    with pytest.raises(spikemix.InputError, match=r"\.aedat .*\.npz"):
        events.write(tmp_path / "a.txt", made)
    with pytest.raises(ValueError, match=r"give sensor=\(width, height\)"):
        events.write(tmp_path / "a.aedat", plain)
    events.write(tmp_path / "a.npz", plain)  # a format that does not store its sensor
    with pytest.raises(spikemix.InputError, match="expected x below 10 and y below 30"):
        events.write(tmp_path / "b.aedat", made, sensor=(10, 30))
    with pytest.raises(spikemix.InputError, match="time runs back"):
        events.write(tmp_path / "b.aedat", made[::-1])
    with pytest.raises(spikemix.InputError, match="holds times from 0"):
        early = made.copy()
        early["t"] -= 10**6
        events.write(tmp_path / "b.aedat", early)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.npz"]


def test_other_libraries_events_are_accepted():
    made = some_events()
    tonics = np.zeros(len(made), [("x", np.int16), ("y", np.int16), ("p", int), ("t", np.int64)])
    columns = {"t": made["t"].astype(np.uint64), "x": made["x"].astype(int), "y": made["y"].astype(np.float32),
               "p": made["p"] * 2 - 1}
    for field in "txyp":
        tonics[field] = made[field]
    expected = events.frames(made)
    for given in (tonics, columns, {"ts": made["t"], "x": made["x"], "y": made["y"], "on": made["p"]},
                  made.view(np.ndarray), made.view(events._EVENT_P8), made[::1]):
        assert np.array_equal(events.frames(given, sensor=(40, 30)), expected)
    for wrong, text in ((made["t"], "expected records"), ({**columns, "p": made["x"]}, "polarities"),
                        ({**columns, "x": made["x"] + 0.5}, "whole numbers"), ({**columns, "x": -columns["x"]}, "0 to"),
                        ({**columns, "x": made["x"][:5]}, "differ in shape"), ([1, 2], "expected records")):
        with pytest.raises(ValueError, match=text):
            events.frames(wrong, sensor=(40, 30))
    with pytest.raises(ValueError, match="give sensor"):
        events.frames(made.view(np.ndarray))
    with pytest.raises(spikemix.InputError, match="expected x below 8"):
        events.frames(made, sensor=(8, 8))


def test_events_keep_their_sensor_and_are_no_copies(recording):
    path, made = recording
    got = events.read(path, sensor=(40, 30))
    assert got[10:20].sensor == got[got["p"]].sensor == got.copy().sensor == (40, 30)
    assert type(got["x"]) is np.ndarray and got["x"].base is not None
    assert pickle.loads(pickle.dumps(got[5:])).sensor == (40, 30) and same(pickle.loads(pickle.dumps(got)), made)
    assert np.shares_memory(events._bytes(events._records(got)), got)
    assert got[got["p"]]["p"].all()
    got["x"][0] = 7  # the caller may change them
    assert got[0]["x"] == 7


def test_frames_are_counted_as_numpy_counts(tmp_path):
    made = some_events(1003)
    flat = (made["p"].astype(int) * 30 + made["y"]) * 40 + made["x"]
    by_count = events.frames(made, T=10)
    assert by_count.dtype == np.float32 and by_count.shape == (10, 2, 30, 40)
    bounds = [100 * i for i in range(10)] + [1003]
    for i in range(10):
        expected = np.bincount(flat[bounds[i]:bounds[i + 1]], minlength=2400)
        assert np.array_equal(by_count[i].ravel(), expected)
    by_time = events.frames(made, T=10, by="time")
    number = np.minimum((made["t"] - made["t"][0]) // ((made["t"][-1] - made["t"][0]) // 10), 9)
    for i in range(10):
        assert np.array_equal(by_time[i].ravel(), np.bincount(flat[number == i], minlength=2400))
    assert np.array_equal(events.frames(made, T=10, binary=True), by_count > 0)
    assert events.frames(made).shape == (16, 2, 30, 40)
    small = events.frames(made, T=10, size=(15, 20))
    assert np.array_equal(small, by_count.reshape(10, 2, 15, 2, 20, 2).sum((3, 5)))
    assert events.frames(made[:0], T=3).sum() == 0
    hot = some_events(20_003, (8, 6))
    hot["x"][::2], hot["y"][::2], hot["p"][::2] = 5, 4, True
    flat = (hot["p"].astype(int) * 6 + hot["y"]) * 8 + hot["x"]
    assert np.array_equal(events.frames(hot, T=1).ravel(), np.bincount(flat, minlength=96))
    for wrong in ({"T": 0}, {"by": "number"}, {"T": 3, "step_us": 5}, {"step_us": 0}, {"step_us": 1, "step_events": 1},
                  {"size": 4}, {"size": (0, 4)}):
        with pytest.raises(ValueError):
            events.frames(made, **wrong)
    with pytest.raises(spikemix.InputError, match="time runs back"):
        events.frames(made[::-1], by="time")


def test_steps_equal_the_programs_stream(recording):
    path, made = recording
    steps = events.frames(made, step_us=10_000)
    number = (made["t"] - made["t"][0]) // 10_000
    assert len(steps) == number[-1] + 1
    assert np.array_equal(steps.sum((1, 2, 3)), np.bincount(number))
    streamed = list(events.stream(path, step_us=10_000, sensor=(40, 30)))
    assert streamed[0].shape == (2, 30, 40) and np.array_equal(np.stack(streamed), steps)
    by_events = events.frames(made, step_events=999)
    assert by_events.sum((1, 2, 3)).tolist() == [999] * 5 + [5]
    assert np.array_equal(np.stack(list(events.stream(path, step_events=999, sensor=(40, 30)))), by_events)
    if path.suffix == ".npz":
        with pytest.raises(ValueError, match="give sensor"):
            events.stream(path, step_us=10_000)


def test_pictures_of_events(tmp_path):
    made = some_events()
    drawn = events.render(made, T=5, scale=2)
    assert drawn.dtype == np.uint8 and drawn.shape == (5, 60, 80, 3)
    on = made[made["p"]]
    assert events.render(on, scale=1)[..., 0].min() > events.render(on, scale=1)[..., 2].min()  # red
    events.render(made, tmp_path / "sheet.png")
    assert events.picture(tmp_path / "sheet.png").shape == (4 * 92 - 2, 4 * 122 - 2, 3)
    events.render(made, tmp_path / "moves.apng", T=7)
    assert b"acTL" in (tmp_path / "moves.apng").read_bytes()
    with pytest.raises(spikemix.InputError, match="nothing to draw"):
        events.render(made[:0])
    with pytest.raises(spikemix.InputError, match=".apng"):
        events.render(made, tmp_path / "a.jpg")


def test_simulated_recordings_repeat(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    camera = events.Simulator((64, 48), duration_ms=30, seed=3)
    one = camera(picture)
    assert one.sensor == (64, 48) and len(one) > 100 and (np.diff(one["t"]) >= 0).all() and one["t"][-1] < 30_000
    assert same(one, camera(picture)) and same(one, events.simulate(picture, (64, 48), duration_ms=30, seed=3))
    assert not same(one, camera(picture, index=1))
    assert len(camera(picture[..., 0])) > 100
    for wrong in (picture / 255, picture[0, 0], np.zeros((0, 4), np.uint8)):
        with pytest.raises(ValueError):
            camera(wrong)
    with pytest.raises(spikemix.InputError, match="mismatch 3"):
        events.Simulator(mismatch=3)
    with pytest.raises(FileNotFoundError):
        camera(tmp_path / "nothing.png")


def test_pictures_become_the_programs_recordings(tmp_path):
    program = [sys.executable, "-m", "spikemix"]
    picture = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    (tmp_path / "a.ppm").write_bytes(b"P6 24 20 255\n" + picture.tobytes())
    subprocess.run([*program, "events", "simulate", tmp_path / "a.ppm", tmp_path / "a.aedat", "--size", "64x48"],
                   check=True, capture_output=True)
    assert same(events.read(tmp_path / "a.aedat"), events.simulate(tmp_path / "a.ppm", (64, 48)))
    said = subprocess.run([*program, "events", "info", tmp_path / "a.aedat", "--json"], check=True, capture_output=True)
    assert json.loads(said.stdout) == events.info(tmp_path / "a.aedat")
    subprocess.run([*program, "events", "render", tmp_path / "a.aedat", tmp_path / "theirs.png"], check=True,
                   capture_output=True)
    events.render(events.read(tmp_path / "a.aedat"), tmp_path / "ours.png")
    assert (tmp_path / "ours.png").read_bytes() == (tmp_path / "theirs.png").read_bytes()


def test_other_threads_run_while_a_recording_is_read(tmp_path):
    made = some_events(200_000)
    events.write(tmp_path / "a.aedat4", made)
    content, got = (tmp_path / "a.aedat4").read_bytes(), []
    threads = [threading.Thread(target=lambda: got.append(events.read(content))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4 and all(same(each, made) for each in got)
    reader = events.read(content, chunk=1000)  # shared: each chunk goes to one of the threads
    taken = []
    threads = [threading.Thread(target=lambda: taken.extend(list(reader))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(len, taken)) == len(made)


def test_no_memory_is_kept(tmp_path):
    """Ten thousand recordings, whole and broken, are read and dropped, and leave no memory behind."""
    events.write(tmp_path / "a.aedat4", some_events(3000))
    content = (tmp_path / "a.aedat4").read_bytes()

    def resident():
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096

    def some(n):
        for i in range(n):
            events.frames(events.read(content), T=2)
            with pytest.raises(spikemix.InputError):
                events.read(content[:len(content) // 2 - i % 99])
    some(500)
    before = resident()
    some(2000)
    assert resident() - before < 8 << 20


@pytest.mark.parametrize("by, split", [("count", "number"), ("time", "time")])
def test_frames_equal_spikingjellys(by, split, monkeypatch):
    spikingjelly = pytest.importorskip("spikingjelly")
    # Without the data sets next to it, and their imports.
    package = types.ModuleType("spikingjelly.datasets")
    package.__path__ = [str(pathlib.Path(spikingjelly.__path__[0]) / "datasets")]
    if "torchvision" not in sys.modules:
        monkeypatch.setitem(sys.modules, "torchvision", unittest.mock.MagicMock())
    monkeypatch.setitem(sys.modules, "spikingjelly.datasets", package)
    from spikingjelly.datasets.utils import integrate_events_by_fixed_frames_number
    made = some_events(10_007)
    columns = {field: made[field] for field in "txyp"}
    for T in (1, 4, 16):
        theirs = integrate_events_by_fixed_frames_number(columns, split, T, 30, 40)
        assert np.array_equal(events.frames(made, T, by), theirs)


def test_frames_and_events_equal_tonics(tmp_path):
    tonic = pytest.importorskip("tonic")
    made = some_events(1600)
    ours = events.frames(made, 16)
    assert np.array_equal(tonic.transforms.ToFrame((40, 30, 2), n_event_bins=16)(made), ours)
    steps = events.frames(made, step_us=20_000)
    theirs = tonic.transforms.ToFrame((40, 30, 2), time_window=20_000, include_incomplete=True)(made)
    assert np.array_equal(theirs, steps)
    composed = tonic.transforms.Compose([tonic.transforms.RandomFlipLR((40, 30, 2), p=1.0),
                                         tonic.transforms.RandomFlipPolarity(p=1.0),
                                         tonic.transforms.Denoise(filter_time=100_000)])
    changed = composed(made.copy())
    assert changed.dtype == events.EVENT and set(changed["x"]) <= set(39 - made["x"])
    assert events.frames(changed).sum() == len(changed)


def test_files_of_expelliarmus_are_read(tmp_path):
    expelliarmus = pytest.importorskip("expelliarmus")
    made = some_events(3000, sensor=(1280, 720))
    theirs = made.view(np.ndarray).astype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")])
    for encoding, ending in (("dat", ".dat"), ("evt2", ".raw"), ("evt3", ".raw")):
        path = tmp_path / f"{encoding}{ending}"
        expelliarmus.Wizard(encoding=encoding).save(fpath=path, arr=theirs)
        if encoding == "evt3":  # expelliarmus reads and writes EVT3's times wrongly after their first overflow
            assert len(events.read(path, unordered=True)) == len(made)
            continue
        assert same(events.read(path), made)
        assert same(expelliarmus.Wizard(encoding=encoding).read(path), events.read(path))


def test_real_recordings_are_what_others_say_they_are(recorded):
    checked = 0
    for truth_file in sorted((recorded / "single").glob("*.json")):
        truth, path = json.loads(truth_file.read_text()), truth_file.with_suffix("")
        options = {"sensor": (truth["width"], truth["height"])} if "aedat2" in path.name else {}
        got = events.read(path, **options)
        assert len(got) == truth["events"]
        assert [int(got["x"].sum()), int(got["y"].sum())] == [truth["sum_x"], truth["sum_y"]]
        assert [int(got["p"].sum()), int((~got["p"]).sum())] == [truth["on"], truth["off"]]
        for end, some in (("first_events", got[:5]), ("last_events", got[-5:])):
            if end in truth:
                assert [list(map(int, each)) for each in some.tolist()] == truth[end]
        checked += 1
    assert checked >= 6


def test_malformed_recordings_are_refused_or_read_as_documented(recorded):
    for path in sorted((recorded / "malformed").iterdir()):
        content = path.read_bytes()
        for source in (path, content, io.BytesIO(content)):
            for options in ({}, {"truncated": True, "unordered": True}):
                try:
                    got = events.read(source, **options)
                    assert got.dtype == events.EVENT
                except spikemix.InputError as error:
                    assert str(error) and "--" not in str(error)
        try:
            for _ in events.read(content, chunk=100):
                pass
        except spikemix.InputError:
            pass


@pytest.mark.parametrize("form", ["aedat2", "aedat3", "aedat4", "nmnist", "dat", "npz"])
def test_damaged_recordings_never_end_python(recorded, form):
    path = {"aedat2": "gesture-9-aedat2.aedat", "aedat3": "gesture-6.aedat", "aedat4": "sample.aedat4",
            "nmnist": "sample_nmnist.bin", "dat": "sample_ncars.dat", "npz": "gesture-6.npz"}[form]
    whole = (recorded / "single" / path).read_bytes()
    rng = np.random.default_rng(1)
    for i in range(150):
        content = bytearray(whole[:rng.integers(1, min(len(whole), 20_000))] if i % 2 else whole[:20_000])
        for _ in range(rng.integers(1, 6)):
            content[rng.integers(0, len(content))] = rng.integers(0, 256)
        try:
            events.frames(events.read(bytes(content), truncated=bool(i % 3)), T=2, sensor=(1024, 1024))
        except (spikemix.InputError, spikemix.RunError):
            pass


def test_a_count_without_bytes_takes_no_memory():
    header = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
    packet = struct.pack("<hhiiiiii", 1, 0, 8, 4, 0, 2_000_000_000, 2_000_000_000, 2_000_000_000)
    with pytest.raises(spikemix.InputError, match="2000000000"):
        events.read(header + packet)


def test_errors_quote_bytes_that_are_no_text():
    header = b"% Data file containing CD events.\n% Version 2\xd9% Width 20\n% Height 12\n\x0c\x08"
    with pytest.raises(spikemix.InputError, match=r"\\xd9"):
        events.read(header)
