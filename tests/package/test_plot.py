# SPDX-License-Identifier: MIT
"""spikemix.plot: figures with matplotlib, if it is installed."""
import importlib
import sys

import numpy as np
import pytest

import spikemix


@pytest.fixture
def plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot
    yield importlib.import_module("spikemix.plot")
    matplotlib.pyplot.close("all")


@pytest.fixture
def spikes():
    rng = np.random.default_rng(0)
    return {"stem": rng.integers(0, 2, (4, 64, 8)).astype(np.uint8), "block.0.mlp.fc1": np.eye(4, 30, dtype=np.uint8)}


def test_a_raster_has_a_dot_for_each_spike(plot, spikes):
    axes = plot.raster(spikes, neurons=30)
    stem, second = [dots.get_offsets().data for dots in axes.collections]
    assert second.tolist() == [[i, 30 + i] for i in range(4)]
    assert 0 < len(stem) <= 4 * 30 and set(stem[:, 0]) <= {0, 1, 2, 3}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["stem", "block.0.mlp.fc1"]
    assert plot.raster(np.ones((3, 5)), ax=axes) is axes
    axes.figure.canvas.draw()


def test_rates_are_means(plot, spikes):
    axes = plot.rates(spikes)
    assert [bar.get_width() for bar in axes.patches] == [spikes["stem"].mean(), 4 / 120]
    axes.figure.canvas.draw()


def test_membrane_traces_show_where_neurons_fired(plot):
    potentials, fired = np.linspace(0, 1, 12).reshape(6, 2), np.zeros((6, 2))
    fired[3, 1] = 1
    axes = plot.membrane(potentials, fired, threshold=0.8)
    assert np.array_equal(axes.lines[0].get_ydata(), potentials[:, 0])
    assert axes.lines[3].get_xydata().tolist() == [[3, potentials[3, 1]]] and len(axes.lines[2].get_xdata()) == 0
    plot.membrane(potentials[:, 0], threshold=None).figure.canvas.draw()


def test_event_frames(plot):
    frames = np.zeros((10, 2, 6, 8), np.float32)
    frames[0, 1, 2, 3] = frames[1, 0, 2, 3] = 2
    figure = plot.frames(frames, columns=4)
    shown = [axes.get_images()[0].get_array() for axes in figure.axes if axes.get_images()]
    assert len(shown) == 10 and len(figure.axes) == 12
    assert shown[0][2, 3].tolist() == [1, 0, 0] and shown[1][2, 3].tolist() == [0, 0, 1]
    assert shown[0][0, 0].tolist() == [1, 1, 1] and shown[5].min() == 1
    assert len(plot.frames(frames[0]).axes) == 1
    figure.canvas.draw()


def test_spectra_are_the_tokens_power():
    from spikemix.plot import token_spectrum
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 2, 24, 5))
    frequency, power = token_spectrum(values, (4, 6))
    assert np.isclose(power.sum(), (values ** 2).mean())  # Parseval
    assert frequency[0] == 0 and np.isclose(power[0], (values.mean(2) ** 2).mean())
    wave = np.cos(2 * np.pi * np.arange(8) * 2 / 8)[None, :, None] * np.ones((8, 1, 1))
    frequency, power = token_spectrum(wave.reshape(64, 1), (8, 8))
    assert np.isclose(power[frequency == 2 / 8], 0.5).all() and np.isclose(power.sum(), 0.5)


def test_spectra_before_and_after_a_mixer(plot):
    rng = np.random.default_rng(0)
    axes = plot.spectra({"before": rng.normal(size=(4, 64, 16)), "after": rng.normal(size=(4, 64, 16))}, (8, 8))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["before", "after"]
    axes.figure.canvas.draw()


def test_wrong_shapes_are_refused(plot):
    for call, text in ((lambda: plot.raster({"a": np.ones(3)}), r"of a of shape \[3\]"),
                       (lambda: plot.raster({}), "no layer"),
                       (lambda: plot.rates({"a": np.ones((2, 3)), "b": np.ones((3, 3))}), "different numbers"),
                       (lambda: plot.membrane(np.ones((2, 3, 4))), "expected"),
                       (lambda: plot.membrane(np.ones(3), np.ones(4)), r"\[4\]"),
                       (lambda: plot.frames(np.ones((3, 1, 4, 4))), "height, width"),
                       (lambda: plot.spectra({"a": np.ones((4, 7, 3))}, (2, 4)), "a grid of 2 x 4")):
        with pytest.raises(ValueError, match=text):
            call()


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        spikemix.plot.rates({"a": np.ones((2, 3))})
