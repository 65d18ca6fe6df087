# SPDX-License-Identifier: MIT
"""What the package's tests are made of: small recordings and pictures, the same ones for the same seed."""
import numpy as np

from spikemix import events


def some_events(n=5000, sensor=(40, 30), seed=0, stop=500_000):
    """At random places, from 1 ms until `stop`."""
    rng = np.random.default_rng(seed)
    made = np.zeros(n, events.EVENT)
    made["t"] = np.sort(rng.integers(1000, stop, n))
    made["x"], made["y"] = rng.integers(0, sensor[0], n), rng.integers(0, sensor[1], n)
    made["p"] = rng.integers(0, 2, n)
    return events.Events(made, sensor)


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(a[field], b[field]) for field in "txyp")


def some_pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_ppm(file, pixels):
    kind = b"P6" if pixels.shape[-1] == 3 else b"P5"
    file.write_bytes(kind + b"\n%d %d\n255\n" % (pixels.shape[1], pixels.shape[0]) + pixels.tobytes())
    return file


def files_of_classes(folder, train, test):
    """Makes train/ and test/ of the classes cat and dog. @yields the path of each file to write, without an ending, and
    a seed of its own: 100 for test/, 10 for dog, 1 for each file."""
    for split, each in (("train", train), ("test", test)):
        for label, name in enumerate(("cat", "dog")):
            (folder / split / name).mkdir(parents=True)
            for i in range(each):
                yield folder / split / name / str(i), 100 * (split == "test") + 10 * label + i
