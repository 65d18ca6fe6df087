# SPDX-License-Identifier: MIT
"""Small data of the tests' own making, in the layout of the data folder: for a clone without one. Each recording is
written by an encoder of a few lines, and the JSON beside it says what numpy counts in its arrays. Malformed files are
wrong in the one way that their name says."""
import functools
import io
import json
import pathlib
import struct
import tarfile
import tempfile

import numpy as np

RECORDINGS = pathlib.Path(__file__).parent / "fuzz" / "corpus" / "recording"
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def pictures(n, seed):
    """uint8 [n, 32, 32, 3] and labels [n]: each class has waves of its own direction and colour, with noise."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10)
    angle, phase = (a[:, None, None] for a in (np.pi * labels / 10, rng.uniform(0, 2 * np.pi, n)))
    y, x = np.mgrid[:32, :32]
    waves = np.sin(0.6 * (np.cos(angle) * x + np.sin(angle) * y) + phase)[..., None]
    colours = np.cos(2 * np.pi * (labels[:, None] / 10 + np.arange(3) / 3))[:, None, None]
    pixels = 128 + waves * (60 + 40 * colours) + rng.normal(0, 16, (n, 32, 32, 3))
    return pixels.clip(0, 255).astype(np.uint8), labels


def write_batch(folder):
    """Pictures to the byte, in CIFAR-10's binary format."""
    pixels, labels = pictures(1000, seed=1)
    records = [labels[:, None].astype(np.uint8), pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)]
    (folder / "test_batch.bin").write_bytes(np.concatenate(records, axis=1).tobytes())


def write_tar(file, members):
    """members: pairs of a name and its bytes."""
    with tarfile.open(file, "w:xz", preset=0) as tar:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))


def jpegs(n, seed):
    from PIL import Image  # the package's tests have no Pillow, and do not come here
    for i, (picture, label) in enumerate(zip(*pictures(n, seed))):
        content = io.BytesIO()
        Image.fromarray(picture).save(content, "JPEG", quality=90)
        yield f"{CLASSES[label]}/{i:04}.jpg", content.getvalue()


def write_jpegs(folder):
    write_tar(folder / "train.tar.xz", jpegs(640, seed=2))
    write_tar(folder / "test.tar.xz", jpegs(100, seed=3))


def events(n, width, height, microseconds, seed=0, row=None):
    """Arrays t, x, y, p: random events, four of five of them in one row if that is given."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, height, n)
    if row is not None:
        y = np.where(rng.random(n) < 0.8, row, y)
    return {"t": np.sort(rng.integers(0, microseconds, n)), "x": rng.integers(0, width, n), "y": y,
            "p": rng.integers(0, 2, n)}


def aedat2(e):
    """A DVS128's, whose addresses count from the far corner."""
    words = np.stack([127 - e["x"] << 8 | 127 - e["y"] << 1 | 1 - e["p"], e["t"]], axis=1)
    return b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n" + words.astype(">u4").tobytes()


AEDAT3 = b"#!AER-DAT3.1\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n"


def aedat3_packet(e, size=8, claimed=None):
    words = np.stack([e["x"] << 17 | e["y"] << 2 | e["p"] << 1 | 1, e["t"]], axis=1)
    n = len(words) if claimed is None else claimed
    return struct.pack("<hhiiiiii", 1, 0, size, 4, 0, n, n, n) + words.astype("<u4").tobytes()


def aedat3(e, packet=1000):
    parts = [{key: values[i:i + packet] for key, values in e.items()} for i in range(0, len(e["t"]), packet)]
    return AEDAT3 + b"".join(map(aedat3_packet, parts))


def nmnist(e):
    t = e["t"]
    return np.stack([e["x"], e["y"], e["p"] << 7 | t >> 16, t >> 8 & 255, t & 255], 1).astype(np.uint8).tobytes()


def dat(e, width, height):
    words = np.stack([e["t"], e["x"] | e["y"] << 14 | e["p"] << 28], axis=1).astype("<u4")
    return b"%% Data file containing CD events.\n%% Version 2\n%% Width %d\n%% Height %d\n\x0c\x08" % (
        width, height) + words.tobytes()


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def write_recording(file, content, form, width, height, e):
    file.write_bytes(content)
    table = np.stack([e[key] for key in "txyp"], axis=1).astype(int)
    on = int(table[:, 3].sum())
    file.with_name(file.name + ".json").write_text(json.dumps({
        "format": form, "width": width, "height": height, "events": len(table), "first_t": int(table[0, 0]),
        "last_t": int(table[-1, 0]), "on": on, "off": len(table) - on, "sum_x": int(table[:, 1].sum()),
        "sum_y": int(table[:, 2].sum()), "monotonic": True, "first": table[:5].tolist(),
        "last": table[-5:].tolist()}))


def write_malformed(folder):
    e = events(1000, 34, 34, 100_000)
    few = {key: values[:10] for key, values in e.items()}
    whole = {"aedat2.aedat": aedat2(e), "aedat31.aedat": aedat3(e), "nmnist.bin": nmnist(e), "npz.npz": npz(**e),
             "dat.dat": dat(e, 34, 34)}
    contents = {name.replace(".", "-cut."): content[:-3] for name, content in whole.items()}
    contents |= {
        "aedat4-cut.aedat4": (RECORDINGS / "small.aedat4").read_bytes()[:700],
        "empty.aedat": b"", "text.aedat": b"these are not events\n" * 50, "wrong-magic.aedat": b"#!AER-DAT9.9\r\n",
        "aedat31-header-only.aedat": AEDAT3, "aedat31-no-end-header.aedat": AEDAT3.replace(b"#!END", b"#END"),
        "aedat31-negative-event-size.aedat": AEDAT3 + aedat3_packet(e, size=-8),
        "aedat31-packet-claims-2e9-events.aedat": AEDAT3 + aedat3_packet(e, claimed=2**31 - 1),
        "aedat31-x-9000.aedat": aedat3({**e, "x": np.where(np.arange(1000) == 500, 9000, e["x"])}),
        "aedat31-time-runs-back.aedat": aedat3({**e, "t": e["t"][::-1]}),
        "nmnist-x-200.bin": nmnist({**e, "x": np.where(np.arange(1000) == 500, 200, e["x"])}),
        "npz-keys-missing.npz": npz(t=e["t"], x=e["x"]), "npz-lengths-differ.npz": npz(**{**few, "x": few["x"][1:]})}
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def write_events(folder):
    single, malformed, gesture = (folder / name for name in ("single", "malformed", "DvsGesture"))
    for made in (single, malformed, gesture):
        made.mkdir()
    e, few = events(20_000, 128, 128, 1_450_000), events(5000, 34, 34, 300_000)
    write_recording(single / "gesture-6.aedat", aedat3(e), "AEDAT 3.1", 128, 128, e)
    write_recording(single / "gesture-6.npz", npz(**e), "npz", 128, 128, e)
    write_recording(single / "gesture-9-aedat2.aedat", aedat2(e), "AEDAT 2.0", 128, 128, e)
    write_recording(single / "sample_nmnist.bin", nmnist(few), "N-MNIST bin", 34, 34, few)
    write_recording(single / "sample_ncars.dat", dat(few, 120, 100), "Prophesee DAT", 120, 100, few)
    with np.load(RECORDINGS / "small.npz") as e:  # the same events as in the AEDAT 4 beside it
        write_recording(single / "sample.aedat4", (RECORDINGS / "small.aedat4").read_bytes(), "AEDAT 4", 19, 12, e)
    write_malformed(malformed)

    names = ("user01_fluorescent", "user24_led")
    for i, name in enumerate(names):
        e = events(30_000, 128, 128, 3_000_000, seed=i)
        write_recording(gesture / f"{name}.aedat", aedat3(e), "AEDAT 3.1", 128, 128, e)
        (gesture / f"{name}_labels.csv").write_text(
            "class,startTime_usec,endTime_usec\n2,0,900000\n4,1000000,1900000\n8,2000000,2900000\n")
    for split, name in zip(("train", "test"), names):
        (gesture / f"trials_to_{split}.txt").write_text(f"{name}.aedat\n")
    # Ten digits, each with a row of its own; so many events that making the cache takes a while.
    write_tar(folder / "nmnist-1k.tar.xz", (
        (f"{split}/{i % 10}/{i:05}.bin", nmnist(events(500, 34, 34, 300_000, seed, row=3 * (i % 10) + 2)))
        for seed, (split, n) in enumerate([("Train", 1000), ("Test", 100)], 1) for i in range(n)))


PARTS = {"cifar10-exact-sample": write_batch, "cifar10-jpeg": write_jpegs, "events": write_events}
folder = functools.cache(lambda: tempfile.TemporaryDirectory(prefix="spikemix-data-"))


def small(part, *below):
    """A file or folder of a part of the data, which is made when it is first asked for."""
    made = pathlib.Path(folder().name) / part
    if not made.exists():
        made.mkdir()
        PARTS[part](made)
    return made.joinpath(*below)
