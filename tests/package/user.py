# SPDX-License-Identifier: MIT
"""What a user writes, with every public class and function: test_wheel.py has mypy check it against the wheel. It is
not run; tests/package/test_page.py runs the examples of docs/python.md."""
from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np
import torch

import spikemix
from spikemix import data, engine, events, nn, plot, training

Floats = np.ndarray[Any, np.dtype[np.float32]]


def models(path: pathlib.Path) -> dict[str, Any]:
    model = spikemix.load(path, precision="int8", threads=2)
    assert_type(model, spikemix.Model)
    assert_type(spikemix.load(path.read_bytes()).labels, list[str])
    x = model.preprocess([np.zeros((32, 32, 3), np.uint8), "cat.png"])
    assert_type(x, Floats)
    assert_type(model(x), Floats)
    assert_type(model(torch.zeros(3, 32, 32)), Floats)
    print(model.predict(x, top=2), model.precision, model.threads, model.time_steps, model.input_shape[0] + 1)
    model.reset()
    assert_type(model.step(x[0]), Floats)
    stream: engine.Stream = model.stream()
    stream.step(x[0])
    stream.reset()
    for layer, (potentials, threshold) in stream.membranes().items():
        print(layer.upper(), potentials.mean(), threshold + 0.5, stream.steps)
    with model.record("block.*", potentials=True) as spikes:
        model(x)
    assert_type(spikes, engine.Recording)
    print([counts.shape for counts in spikes.values()], spikes.rates()["head"].max())
    model.save("folder")
    assert_type(model.export("small.safetensors", "int16", calibrate=x, tolerance=0.1), dict[str, float])
    return model.card


def recordings(path: str, file: pathlib.Path) -> Iterator[Floats]:
    recording = events.read(path, start=0, stop=1000, sensor=(128, 128), time_unit="us")
    assert_type(recording, events.Events)
    assert_type(recording.sensor, tuple[int, int] | None)
    with open(file, "rb") as opened:
        reader = events.read(opened, chunk=100)
    assert_type(reader, events.Reader)
    print(reader.format, reader.sensor)
    for chunk in events.read(path, chunk_us=1000, truncated=True, unordered=True):
        assert_type(chunk, events.Events)
    made = events.Events({"t": [0], "x": [1], "y": [2], "p": [True]}, sensor=(4, 4))
    events.write("made.aedat4", made)
    print(events.info(b"...")["format"], events.EVENT.itemsize, [each.ending for each in events.formats()])
    pictures = events.render(made, T=4)
    assert pictures is not None
    print(pictures.shape, events.frames(made, T=4, by="time", size=(2, 2), binary=True).shape)
    camera = events.Simulator((64, 64), duration_ms=50, seed=1)
    assert_type(camera(events.picture(file), index=3), events.Events)
    assert_type(events.simulate("cat.png", (64, 64), loops=2), events.Events)
    for frame in events.stream(path, step_us=1000):
        yield frame


def sets(folder: pathlib.Path) -> None:
    def half(sample: events.Events) -> events.Events:
        return events.Events(sample[::2])

    recorded = data.Recordings(folder, split="train", T=16, transform=half, validation=0.1, seed=1)
    pictures = data.Pictures(str(folder), split="test", size=(32, 32), channels=1)
    sample, label = recorded[0]
    print(sample.shape, recorded.classes[label], recorded.sensor, recorded.info(0), len(recorded.events(-1)))
    print(pictures.targets.sum(), pictures.damaged, pictures.report, pictures.source(0), len(pictures))
    print([each.name for each in data.formats() if each.recordings])
    loader = torch.utils.data.DataLoader(pictures, batch_size=2)
    for batch in loader:
        print(batch)


def networks(path: pathlib.Path) -> nn.SpikingTransformer:
    x = torch.randn(4, 2, 64, 64)
    neuron: nn.Neuron = nn.LIF(tau=2.0, v_reset=None, surrogate="arctan")
    for each in (neuron, nn.IF(), nn.PLIF(tau=3.0), nn.Integer(levels=4)):
        assert_type(each(x), torch.Tensor)
    mixer = nn.Mixer("wt2d", dim=64, grid=(8, 8), wavelet="db2", layout="TBDN", neuron=nn.LIF())
    assert_type(mixer(x), torch.Tensor)
    transform = nn.Transform("fft2d", dim=64, grid=(8, 8), axes="tokens", bases=["haar"])
    assert_type(transform(x), torch.Tensor)
    print([row["name"] for row in nn.mixers()], transform.coeff)
    for network in (nn.Spikformer(embed_dim=64), nn.MaxFormer({"depth": 2}), nn.QKFormer(neuron={"kind": "plif"})):
        network.save_pretrained(path)
        print(network(torch.randn(network.input_shape(2))).argmax(1), network.card_text())
    assert_type(nn.Spikformer.from_pretrained(path), nn.Spikformer)
    ours = spikemix.convert({"head.weight": x}, {"model.heads": 8}, recipe="cifar10-small")
    assert_type(ours, nn.SpikingTransformer)
    spikemix.to_onnx(ours, "net.onnx", batch=1)
    spikemix.to_nir(ours, path / "net.nir")
    return nn.from_pretrained(path)


class Printer:
    def begin(self, run: training.Run) -> None:
        print(run.folder)

    def epoch(self, row: dict[str, Any]) -> bool:
        return bool(row["train_loss"] > 0)


def train() -> training.Run:
    trackers = [training.TensorBoard("logs"), training.WandB(project="a"), training.MLflow(), training.Trackio()]
    print(training.find_program())
    try:
        run = spikemix.train("cifar10-small", "pictures", set={"train.epochs": 3}, on_epoch=lambda row: row["lr"] > 0,
                             on_step=print, callbacks=[*trackers, Printer()], seed=1)
        assert_type(run, training.Run)
    except training.Interrupted as error:
        run = spikemix.train(resume=error.run, threads=2)
    except (spikemix.InputError, spikemix.RunError) as wrong:
        print(spikemix.__version__, wrong)
        raise
    summary = run.summary
    assert summary is not None
    print(run.epochs["lr"], run.steps, run.tests, run.config, summary["best_top1"], spikemix.load(run.model))
    return run


def plots(spikes: engine.Recording, potentials: Floats) -> None:
    axes = plot.raster(spikes, neurons=10)
    plot.rates({"fc1": np.zeros((4, 10))}, ax=axes)
    plot.membrane(potentials, threshold=None)
    plot.frames(np.zeros((4, 2, 8, 8)), columns=2).savefig("frames.png")
    frequency, power = plot.token_spectrum(potentials, (8, 8))
    plot.spectra({"before": potentials}, (8, 8)).plot(frequency, power)
