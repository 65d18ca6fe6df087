#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times the input pipeline against PyTorch's DataLoader: same JPEG files, same augmentation, same number of workers,
one run.

    .venv/bin/python bench/input.py --data ../shared/data/cifar10-jpeg  # folder of train.tar*, or of train/CLASS/*.jpg
    .venv/bin/python bench/input.py --data DIR --workers 1,2 --rounds 5 --json input.json

Every contender makes batches of 64 normalised float images, shuffled, with a random crop of the padded image and a
random flip, and nothing consumes them. The peers: "PIL" is a Dataset that opens and decodes each picture with Pillow
whenever it is requested, as a user would write it; "memmap" decodes all of them once into a numpy.memmap of bytes,
which is spikemix' cache by hand. spikemix runs with its cache and without (data.cache=off). They take turns; a ratio is
the median over the rounds of the ratio within a round. Workers are DataLoader's processes and spikemix' threads.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
BATCH, SIZE, PADDING = 64, 32, 4
SECONDS = 3  # of each peer's turn


def augmented(pixels, rng):
    """[32, 32, 3] bytes -> [3, 32, 32] normalised floats."""
    import numpy as np
    padded = np.zeros((SIZE + 2 * PADDING, SIZE + 2 * PADDING, 3), np.uint8)
    padded[PADDING:-PADDING, PADDING:-PADDING] = pixels
    top, left = rng.integers(0, 2 * PADDING + 1, 2)
    pixels = padded[top:top + SIZE, left:left + SIZE]
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    values = (pixels.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def decode(path):
    import numpy as np
    from PIL import Image
    with Image.open(path) as image:
        image = image.convert("RGB")
        fits = image.size == (SIZE, SIZE)
        return np.asarray(image if fits else image.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


class Pictures:
    """A map-style data set; `memmap`, if there is one, has them all as bytes."""

    def __init__(self, files, labels, memmap=None):
        import numpy as np
        self.files, self.labels, self.memmap = files, labels, memmap
        self.rng = np.random.default_rng()

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        pixels = decode(self.files[i]) if self.memmap is None else self.memmap[i]
        return augmented(pixels, self.rng), self.labels[i]


def peer_worker(kind, folder, workers, memmap_file):
    """A process that stays: SECONDS of an epoch for each line on standard input."""
    import numpy as np
    import torch
    torch.set_num_threads(1)
    files = sorted(pathlib.Path(folder, "train").rglob("*.jpg"))
    classes = sorted({file.parent.name for file in files})
    labels = [classes.index(file.parent.name) for file in files]
    start, ready, memmap = time.perf_counter(), 0, None
    if kind == "memmap":
        memmap = np.memmap(memmap_file, np.uint8, "w+", shape=(len(files), SIZE, SIZE, 3))
        for i, file in enumerate(files):
            memmap[i] = decode(file)
        ready = time.perf_counter() - start
    loader = torch.utils.data.DataLoader(Pictures(files, labels, memmap), BATCH, shuffle=True, drop_last=True,
                                         num_workers=int(workers), persistent_workers=True)
    next(iter(loader))  # starts the workers
    print(json.dumps({"ready_seconds": ready}), flush=True)
    for _ in sys.stdin:
        batches = iter(loader)
        next(batches)
        start, images = time.perf_counter(), 0
        for batch, _ in batches:
            images += len(batch)
            if time.perf_counter() - start > SECONDS:
                break
        print(json.dumps({"rate": images / (time.perf_counter() - start)}), flush=True)


class Peer:
    def __init__(self, kind, folder, workers, memmap_file):
        self.process = subprocess.Popen([sys.executable, __file__, "--peer", kind, folder, str(workers), memmap_file],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.ready_seconds = json.loads(self.process.stdout.readline())["ready_seconds"]

    def rate(self):
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["rate"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Spikemix:
    """`spikemix bench --data`, a new process each turn."""

    def __init__(self, program, folder, workers, cache):
        self.command = [program, "bench", "cifar10-small", "--data", folder, f"data.cache={cache}",
                        f"train.batch={BATCH}", "--threads", str(workers), "--json"]
        self.ready_seconds = 0
        first = self.run()
        if first["cache"]:
            self.ready_seconds = first["cache"]["build_seconds"]

    def run(self):
        command = [str(part) for part in self.command]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    def rate(self):
        return self.run()["loader"][-1]["samples_per_second"]

    def close(self):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with train.tar*, or train/CLASS/*.jpg")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--workers", default="1,2", help="numbers of workers, joined by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, help="write every measured rate there")
    arguments = parser.parse_args()
    work = arguments.build / "bench" / "input"
    work.mkdir(parents=True, exist_ok=True)
    folder = arguments.data
    if not (folder / "train").is_dir():
        folder = work / "pictures"
        if not (folder / "train").is_dir():
            with tarfile.open(next(arguments.data.glob("train.tar*"))) as tar:
                tar.extractall(folder / "partial")
            top = folder / "partial" / "train"
            (top if top.is_dir() else folder / "partial").rename(folder / "train")

    results = {}
    for workers in map(int, arguments.workers.split(",")):
        cache = work / "cache"
        subprocess.run(["rm", "-rf", cache], check=True)
        contenders = {
            "spikemix": Spikemix(arguments.build / "spikemix", folder, workers, cache),
            "spikemix, no cache": Spikemix(arguments.build / "spikemix", folder, workers, "off"),
            "DataLoader, memmap": Peer("memmap", folder, workers, str(work / "memmap")),
            "DataLoader, PIL": Peer("PIL", folder, workers, ""),
        }
        rates = {name: [] for name in contenders}
        for _ in range(arguments.rounds):
            for name, contender in contenders.items():
                rates[name].append(contender.rate())
        for contender in contenders.values():
            contender.close()
        results[workers] = {"rates": rates, "ready_seconds": {n: c.ready_seconds for n, c in contenders.items()}}

        print(f"\n{workers} worker{'s' if workers > 1 else ''}, {arguments.rounds} rounds")
        print(f"{'':<22} {'img/s':>9} {'decoded once in':>16} {'spikemix is':>12}")
        for name, values in rates.items():
            ratio = statistics.median(ours / theirs for ours, theirs in zip(rates["spikemix"], values))
            ready = results[workers]["ready_seconds"][name]
            print(f"{name:<22} {statistics.median(values):>9.0f} {f'{ready:.1f} s' if ready else '':>16} "
                  f"{'' if name == 'spikemix' else f'{ratio:.1f}x':>12}", flush=True)
    (work / "memmap").unlink()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer_worker(*sys.argv[2:6])
    else:
        main()
