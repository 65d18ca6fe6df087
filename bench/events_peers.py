#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times the decoding of event recordings against tonic, aedat, faery, expelliarmus, dv-processing and numpy: same file,
one core, one run.

    python3 bench/events_peers.py                        # every format, 8 million events each
    python3 bench/events_peers.py --formats dat,evt2 --rounds 9 --json events.json

The peers are installed into build/peers-venv, which this script makes. Every contender is a process that stays alive;
they take turns, one decoding each in every round; a ratio is the median over the rounds of the ratio inside a round.
Before that all must agree on the number of events and the sums of x, y, p and on the duration. The files are a real
recording, repeated (random events without the test data).

"streamed" is spikemix's own way, batch by batch into the same memory; "kept" is all events in one array, which is what
most peers return. faery streams as well.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEERS = ["tonic==1.7.0", "aedat==2.3.0", "faery==0.7.1", "expelliarmus==1.1.12", "dv-processing==2.0.4"]
# format: (variant, real recording, peers)
FORMATS = {
    "aedat2": ("", "gesture-6.aedat", ["tonic"]),
    "aedat3": ("", "gesture-6.aedat", ["tonic"]),
    "aedat4": ("lz4", "sample.aedat4", ["tonic", "aedat", "faery", "dv-processing"]),
    "aedat4-zstd": ("zstd", "sample.aedat4", ["tonic", "aedat", "faery", "dv-processing"]),
    "nmnist": ("", "gesture-6.aedat", ["tonic"]),
    "dat": ("", "gesture-6.aedat", ["expelliarmus", "faery"]),
    "evt2": ("", "gesture-6.aedat", ["expelliarmus", "faery"]),
    "evt3": ("", "gesture-6.aedat", ["expelliarmus", "faery"]),
    "npz": ("", "gesture-6.aedat", ["numpy"]),
    "npz-deflated": ("deflated", "gesture-6.aedat", ["numpy"]),
}
NMNIST_TYPE = [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")]


def peer_decoder(peer, form, path):
    """A function that decodes the whole file and returns chunks of structured arrays with t, x, y and p (or "on")."""
    kind = form.split("-")[0]
    if peer == "numpy":
        import numpy

        def read():
            with numpy.load(path) as file:
                return [{key: file[key] for key in "txyp"}]
        return read
    if peer == "expelliarmus":
        from expelliarmus import Wizard
        return lambda: [Wizard(encoding=kind).read(path)]
    if peer == "faery":
        import faery
        return lambda: list_of(faery.events_stream_from_file(path))
    if peer == "dv-processing":
        import dv_processing

        def read():
            recording = dv_processing.io.MonoCameraRecording(path)
            batches = []
            while (batch := recording.getNextEventBatch()) is not None:
                batches.append(batch.numpy())
            return batches
        return read
    if peer == "aedat":
        import aedat

        def read():
            return [packet["events"] for packet in aedat.Decoder(path) if "events" in packet]
        return read
    import numpy
    import tonic.io
    if kind == "aedat4":
        return lambda: [tonic.io.read_aedat4(path)]
    if kind == "nmnist":
        return lambda: [tonic.io.read_mnist_file(path, numpy.dtype(NMNIST_TYPE))]
    if kind == "aedat2":
        return lambda: [tonic.io.read_davis_346(path)[2]]

    def read_dvs_ibm():
        # tonic 1.7.0's read_dvs_ibm, which expects two of the three values that its header's reader returns.
        version, start, _ = tonic.io.read_aedat_header_from_file(path)
        events = tonic.io.get_aer_events_from_file(path, version, start)
        address = events["address"]
        return [tonic.io.make_structured_array((address >> 17) & 0x1FFF, (address >> 2) & 0x1FFF, events["timeStamp"],
                                               (address >> 1) & 1)]
    return read_dvs_ibm


def list_of(stream):
    # A stream's chunks are dropped as they come, except for the check; its own process measures the time.
    last = None
    for chunk in stream:
        last = chunk
        KEPT.append(chunk) if KEEP else None
    return KEPT if KEEP else [last]


KEEP, KEPT = False, []


def time_calls(work):
    """One call for each line of standard input: its wall time, and its processor time."""
    for _ in sys.stdin:
        start, worked = time.perf_counter(), time.process_time()
        work()
        worked, seconds = time.process_time() - worked, time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "worked": worked}), flush=True)


def peer_worker(peer, form, path):
    """The other side of Worker, in the peers' environment."""
    global KEEP
    read = peer_decoder(peer, form, path)
    KEEP = True
    chunks = read()
    KEEP = False
    names = chunks[0].dtype.names if hasattr(chunks[0], "dtype") else chunks[0]
    on = next(name for name in ("on", "polarity", "p") if name in names)
    time_of = "timestamp" if "timestamp" in names else "t"
    total = sum(len(chunk[time_of]) for chunk in chunks)
    sums = [int(sum(chunk[key].astype("int64").sum() for chunk in chunks)) for key in ("x", "y", on)]
    filled = [chunk for chunk in chunks if len(chunk[time_of])]
    sums.append(int(filled[-1][time_of][-1]) - int(filled[0][time_of][0]))
    del chunks, filled
    KEPT.clear()
    print(json.dumps({"events": total, "sums": sums}), flush=True)
    time_calls(read)


class Worker:
    def __init__(self, command, core):
        self.seconds, self.worked = [], []
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core}),
                                        env={**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"})
        self.info = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"ended with exit code {self.process.wait()}")
        return json.loads(line)

    def step(self):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        answer = self.read()
        self.seconds.append(answer["seconds"])
        self.worked.append(answer.get("worked"))

    def close(self):
        self.process.kill()
        self.process.wait()


def peers_python():
    """The Python of an environment with the peers, which this makes."""
    environment = ROOT / "build" / "peers-venv"
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    return python


def make_recording(form, arguments):
    """A file of that format with arguments.events events."""
    if subprocess.run(["cmake", "--build", arguments.build, "--target", "events_worker"], stdout=sys.stderr).returncode:
        sys.exit("events_peers.py: the build failed")
    folder = arguments.build / "bench" / "recordings"
    folder.mkdir(exist_ok=True)
    variant, recording, _ = FORMATS[form]
    kind = form.split("-")[0]
    ending = {"aedat2": "aedat", "aedat3": "aedat", "nmnist": "bin", "evt2": "raw", "evt3": "raw"}.get(kind, kind)
    path = folder / f"{form}.{ending}"
    real = arguments.data / "events" / "single" / recording
    print(f"{form}: {path.name} from {real if real.exists() else 'random events'}", file=sys.stderr)
    subprocess.run([arguments.build / "bench" / "events_worker", "make", kind, variant, str(arguments.events), path,
                    *([real] if real.exists() else [])], check=True)
    return path


def add_arguments(parser, formats, events):
    parser.add_argument("--formats", default=",".join(formats))
    parser.add_argument("--events", type=int, default=events)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the one that all run on")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("SPIKEMIX_TEST_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--json", type=pathlib.Path, help="write every measured second there")


def race(form, path, arguments, peers, python):
    program = arguments.build / "bench" / "events_worker"
    commands = {"spikemix streamed": [program, "stream", path], "spikemix kept": [program, "keep", path]}
    commands |= {peer: [python, __file__, "--peer", peer, form, path] for peer in peers}
    return take_turns(form, commands, arguments)


def take_turns(what, commands, arguments):
    """Every second of each contender, of which the first is ours; their results must be equal."""
    workers = {}
    try:
        for name, command in commands.items():
            try:
                workers[name] = Worker(command, arguments.core)
            except RuntimeError as error:
                print(f"{what}: {name} {error}; left out", file=sys.stderr)
        ours = next(iter(workers.values())).info
        for name, worker in workers.items():
            if worker.info != ours:
                print(f"{what}: {name} finds {worker.info}, spikemix {ours}", file=sys.stderr)
        for _ in range(arguments.rounds):
            for worker in workers.values():
                worker.step()
    finally:
        for worker in workers.values():
            worker.close()
    return {name: {"seconds": worker.seconds, "worked": worker.worked, **worker.info}
            for name, worker in workers.items()}


def table(results, peers):
    print("| format | " + " | ".join(["spikemix streamed", "spikemix kept", *peers]) +
          " | streamed against the fastest peer | kept against it |")
    print("|---" * (len(peers) + 5) + "|")
    for form, result in results.items():
        row = [form]
        for name in ["spikemix streamed", "spikemix kept", *peers]:
            seconds = result[name]["seconds"] if name in result else None
            row.append(f"{result[name]['events'] / statistics.median(seconds) / 1e6:.0f}" if seconds else "")
        rivals = [peer for peer in peers if peer in result]
        for ours in ["spikemix streamed", "spikemix kept"]:
            if not rivals:
                row.append("")
                continue
            fastest = min(rivals, key=lambda peer: statistics.median(result[peer]["seconds"]))
            ratios = [theirs / own for theirs, own in zip(result[fastest]["seconds"], result[ours]["seconds"])]
            row.append(f"{statistics.median(ratios):.1f}x ({fastest})")
        print("| " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, FORMATS, 8_000_000)
    arguments = parser.parse_args()
    python = peers_python()
    results = {}
    for form in arguments.formats.split(","):
        path = make_recording(form, arguments)
        results[form] = race(form, path, arguments, FORMATS[form][2], python)
        path.unlink()
    used = [peer for peer in ["tonic", "aedat", "faery", "expelliarmus", "dv-processing", "numpy"]
            if any(peer in result for result in results.values())]
    print(f"\nMillion events a second, medians of {arguments.rounds} rounds, {arguments.events} events, one core")
    table(results, used)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer_worker(*sys.argv[2:5])
    else:
        main()
