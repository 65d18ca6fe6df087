#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times the Python package's events against others' code: same file or events, one core, one run.

    .venv/bin/python bench/package_events.py             # run it with a Python that has spikemix installed
    .venv/bin/python bench/package_events.py --formats dat,evt2 --rounds 9 --json package.json

`spikemix.events.read` against tonic, aedat, faery, expelliarmus, dv-processing and numpy, in build/peers-venv, which
this script makes; `spikemix.events.frames` against tonic there and SpikingJelly in the Python of --spikingjelly. Every
contender is a process that stays alive. They take turns, one call each in every round; a ratio is the median over the
rounds of the ratio inside a round. Processor time is printed first: other work on the machine disturbs it least. Before
the first round, all must agree on what they read (number of events, sums of x, y and p, duration) or summed up (frames,
to the last pixel); those that do not are named.
"""
import argparse
import importlib
import json
import pathlib
import statistics
import sys
import types
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import events_peers  # noqa: E402

T, SENSOR = 16, (128, 128)


def our_reader(path):
    from spikemix import events

    def check():
        got = events.read(path)
        return {"events": len(got), "sums": [int(got[field].sum(dtype="int64")) for field in "xyp"]
                + [int(got["t"][-1] - got["t"][0])]}
    return lambda: events.read(path), check


def spikingjellys_utils():
    """spikingjelly.datasets.utils, without the data sets next to it and their imports."""
    import spikingjelly
    package = types.ModuleType("spikingjelly.datasets")
    package.__path__ = [str(pathlib.Path(spikingjelly.__path__[0]) / "datasets")]
    sys.modules["spikingjelly.datasets"] = package
    sys.modules.setdefault("torchvision", unittest.mock.MagicMock())
    return importlib.import_module("spikingjelly.datasets.utils")


def framer(who, path, by):
    """A function that makes T frames of the recording at `path`, an npz, from whatever `who` has events in."""
    import numpy
    columns = dict(numpy.load(path))
    n = len(columns["t"]) // T * T  # the peers treat a remainder differently
    columns = {field: columns[field][:n] for field in "txyp"}
    if who == "spikemix":
        from spikemix import events
        made = events.Events(columns, SENSOR)
        return lambda: events.frames(made, T, by)
    if who == "spikingjelly":
        integrate_events_by_fixed_frames_number = spikingjellys_utils().integrate_events_by_fixed_frames_number
        split = {"count": "number", "time": "time"}[by]
        return lambda: integrate_events_by_fixed_frames_number(columns, split, T, SENSOR[1], SENSOR[0])
    import tonic.functional
    made = numpy.zeros(n, [("x", "<i2"), ("y", "<i2"), ("p", "?"), ("t", "<i8")])
    for field in "txyp":
        made[field] = columns[field]
    bins = {"count": "n_event_bins", "time": "n_time_bins"}[by]
    return lambda: tonic.functional.to_frame_numpy(made, (*SENSOR, 2), **{bins: T})


def frame_worker(who, path, by):
    import numpy
    work = framer(who, path, by)

    def check():
        frames = numpy.asarray(work(), numpy.int64)
        return {"shape": list(frames.shape), "sums": frames.sum((1, 2, 3)).tolist(),
                "places": int((frames.ravel() * numpy.arange(frames.size)).sum())}
    return work, check


def worker(work, check):
    """The other side of events_peers.Worker."""
    print(json.dumps(check()), flush=True)
    events_peers.time_calls(work)


def row(name, result):
    """Times are processor times; the ratio is printed for these and for wall times."""
    median = {who: statistics.median(timed["worked"]) for who, timed in result.items()}
    rivals = [who for who in result if who != "spikemix"]
    fastest = min(rivals, key=median.get)
    ratios = [statistics.median(theirs / ours for theirs, ours in zip(result[fastest][kind], result["spikemix"][kind]))
              for kind in ("worked", "seconds")]
    others = ", ".join(f"{who} {1000 * median[who]:.1f}" for who in sorted(rivals, key=median.get))
    print(f"| {name} | {1000 * median['spikemix']:.1f} | {others} | {ratios[0]:.1f}x ({fastest}) | {ratios[1]:.1f}x |",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    events_peers.add_arguments(parser, events_peers.FORMATS, 4_000_000)
    parser.add_argument("--spikingjelly", type=pathlib.Path, default=events_peers.ROOT / ".venv" / "bin" / "python",
                        help="a Python that has SpikingJelly")
    parser.add_argument("--peers", type=pathlib.Path, help="a Python that has the others; one is made if not given")
    arguments = parser.parse_args()
    peers = arguments.peers or events_peers.peers_python()
    results = {}
    print(f"Milliseconds of processor time, medians of {arguments.rounds} rounds, {arguments.events} events, one core\n"
          f"\n| events.read | spikemix | others | against the fastest | in wall time |\n{'|---' * 5}|")
    for form in arguments.formats.split(","):
        path = events_peers.make_recording(form, arguments)
        commands = {"spikemix": [sys.executable, __file__, "--worker", "read", path]}
        commands |= {peer: [peers, events_peers.__file__, "--peer", peer, form, path]
                     for peer in events_peers.FORMATS[form][2]}
        results[form] = events_peers.take_turns(form, commands, arguments)
        row(form, results[form])
        path.unlink()
    print(f"\n| events.frames, T = {T}, 128 x 128 | spikemix | others | against the fastest | in wall time |\n"
          f"{'|---' * 5}|")
    path = events_peers.make_recording("npz", arguments)
    for by in ("count", "time"):
        pythons = {"spikemix": sys.executable, "spikingjelly": arguments.spikingjelly, "tonic": peers}
        commands = {who: [python, __file__, "--worker", who, path, by] for who, python in pythons.items()}
        results[f"frames-{by}"] = events_peers.take_turns(f"frames by {by}", commands, arguments)
        row(by, results[f"frames-{by}"])
    path.unlink()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    if sys.argv[1:3] == ["--worker", "read"]:
        worker(*our_reader(sys.argv[3]))
    elif sys.argv[1:2] == ["--worker"]:
        worker(*frame_worker(*sys.argv[2:5]))
    else:
        main()
