# SPDX-License-Identifier: MIT
"""Pictures of spikes, potentials, frames and spectra, by matplotlib (`pip install spikemix[plot]`).

Every function draws into `ax` (a new figure, if there is none) and returns what it has drawn into.
"""
from __future__ import annotations

import typing

import numpy as np

if typing.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    #: Counts of each layer, as `model.record()` has them, or those of one layer: [T, ...].
    Spikes = typing.Union[Mapping[str, np.ndarray], np.ndarray]

__all__ = ["frames", "membrane", "raster", "rates", "spectra", "token_spectrum"]


def _pyplot() -> typing.Any:
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError("spikemix.plot draws with matplotlib, which is not installed: pip install matplotlib") \
            from error
    return matplotlib.pyplot


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    pyplot = _pyplot()
    return pyplot.figure(figsize=size, layout="constrained").add_subplot() if ax is None else ax


def _layers(spikes: Spikes) -> dict[str, np.ndarray]:
    layers = spikes if hasattr(spikes, "items") else {"": spikes}
    layers = {name: np.asarray(counts) for name, counts in layers.items()}
    for name, counts in layers.items():
        if counts.ndim < 2:
            raise ValueError(f"spikes{' of ' + name if name else ''} of shape {list(counts.shape)}: expected [T, ...]")
    if not layers:
        raise ValueError("spikes of no layer: nothing to see")
    if len({len(counts) for counts in layers.values()}) > 1:
        raise ValueError("spikes of layers with different numbers of time steps: expected [T, ...] of one T")
    return layers


def raster(spikes: Spikes, *, neurons: int = 100, seed: int = 0, ax: Axes | None = None) -> Axes:
    """Which neurons fired at which time step: a dot for each spike, layer above layer.

    Args:
        spikes: {layer: [T, ...]} as `model.record()` has them, or one array [T, ...]; anything but 0 is a spike.
        neurons: how many of each layer are shown at most.
        seed: of the random choice of these neurons.
    """
    layers = _layers(spikes)
    ax = _axes(ax, (7, max(3, 1.1 * len(layers))))
    base, ticks = 0, []
    for name, counts in layers.items():
        flat = counts.reshape(len(counts), -1)
        if flat.shape[1] > neurons:
            flat = flat[:, np.sort(np.random.default_rng(seed).choice(flat.shape[1], neurons, replace=False))]
        steps, which = np.nonzero(flat)
        ax.scatter(steps, base + which, s=9, marker="|", linewidths=1.2)
        ticks.append((base + flat.shape[1] / 2, name))
        base += flat.shape[1]
        ax.axhline(base - 0.5, color="0.85", linewidth=0.8, zorder=0)
    ax.set(xlabel="time step", xlim=(-0.5, len(counts) - 0.5), ylim=(base - 0.5, -0.5))
    ax.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    if len(layers) == 1:
        ax.set_ylabel("neuron")
    return ax


def rates(spikes: Spikes, *, ax: Axes | None = None) -> Axes:
    """Spikes of a neuron and time step, on average, layer by layer."""
    layers = _layers(spikes)
    ax = _axes(ax, (6, max(2, 0.3 * len(layers) + 0.8)))
    names, means = list(layers), [float(counts.mean()) for counts in layers.values()]
    bars = ax.barh(range(len(names)), means)
    ax.bar_label(bars, [f"{mean:.3f}" for mean in means], padding=3, fontsize=8)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="spikes of a neuron and time step", ylim=(len(names) - 0.5, -0.5))
    ax.margins(x=0.12)
    return ax


def membrane(potentials: np.ndarray, spikes: np.ndarray | None = None, *, threshold: float | None = 1.0,
             ax: Axes | None = None) -> Axes:
    """Membrane potentials over time, a line for each neuron, with dots where they fired.

    Args:
        potentials: [T] or [T, neurons]; a few neurons can be told apart.
        spikes: of the same shape.
        threshold: drawn as a dashed line; None: no line.
    """
    potentials = np.asarray(potentials)
    if potentials.ndim not in (1, 2):
        raise ValueError(f"potentials of shape {list(potentials.shape)}: expected [T] or [T, neurons]")
    if spikes is not None and np.shape(spikes) != potentials.shape:
        raise ValueError(f"spikes of shape {list(np.shape(spikes))}: expected those of the potentials, "
                         f"{list(potentials.shape)}")
    ax = _axes(ax, (7, 3))
    lines = ax.plot(potentials)
    if spikes is not None:
        columns = np.asarray(spikes).reshape(len(potentials), -1)
        for line, fired, values in zip(lines, columns.T, potentials.reshape(len(potentials), -1).T):
            steps = np.nonzero(fired)[0]
            ax.plot(steps, values[steps], "o", markersize=4, color=line.get_color())
    if threshold is not None:
        ax.axhline(threshold, color="0.5", linestyle="--", linewidth=1)
    ax.set(xlabel="time step", ylabel="membrane potential")
    return ax


def frames(frames: np.ndarray, *, columns: int = 8) -> Figure:
    """Event frames side by side, on events red and off events blue on white.

    Args:
        frames: [T, 2, height, width] as `spikemix.events.frames` makes them, or one, [2, height, width].
        columns: how many frames stand side by side.
    """
    pyplot = _pyplot()
    frames = np.asarray(frames, np.float64)
    if frames.ndim == 3:
        frames = frames[None]
    if frames.ndim != 4 or frames.shape[1] != 2 or len(frames) == 0:
        raise ValueError(f"frames of shape {list(frames.shape)}: expected [T, 2, height, width]")
    active = frames.sum(1)[frames.sum(1) > 0]
    full = np.quantile(active, 0.99) if active.size else 1.0
    off, on = np.minimum(1, frames.transpose(1, 0, 2, 3) / full)
    pictures = np.stack([1 - off, 1 - np.minimum(1, off + on), 1 - on], -1)
    columns = min(columns, len(frames))
    rows = -(-len(frames) // columns)
    figure: Figure
    figure, grid = pyplot.subplots(rows, columns, squeeze=False, layout="constrained",
                                   figsize=(1.3 * columns, 1.4 * rows))
    for ax in grid.flat:
        ax.set_axis_off()
    for t, (ax, shown) in enumerate(zip(grid.flat, pictures)):
        ax.imshow(shown, interpolation="nearest")
        ax.set_title(str(t), fontsize=8, pad=2)
    return figure


def token_spectrum(values: np.ndarray, grid: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Power of tokens by spatial frequency: what `spikemix report` draws.

    A two-dimensional Fourier transform of each channel and step; the squared magnitudes are summed over rings of
    frequency, and the mean is taken over channels and steps. All rings together are the mean square of the values.

    Args:
        values: [..., N, channels], N = height x width tokens.
        grid: (height, width) of the tokens.

    Returns:
        The rings' frequencies in cycles a token, and their power.
    """
    height, width = grid
    values = np.asarray(values, np.float64)
    if values.ndim < 2 or values.shape[-2] != height * width:
        raise ValueError(f"tokens of shape {list(values.shape)}: expected [..., {height * width}, channels] for a grid "
                         f"of {height} x {width}")
    power = np.abs(np.fft.fft2(values.reshape(-1, height, width, values.shape[-1]), axes=(1, 2))) ** 2
    power = power.mean((0, 3)) / (height * width) ** 2
    longest = max(height, width)
    distance = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")) * longest
    rings = np.floor(distance + 0.5).astype(int)
    return np.arange(rings.max() + 1) / longest, np.bincount(rings.ravel(), power.ravel())


def spectra(tokens: Mapping[str, np.ndarray], grid: Sequence[int], *, ax: Axes | None = None) -> Axes:
    """Power of tokens by spatial frequency, of several sets: before and after a mixer, of several blocks.

    Args:
        tokens: {"before": [..., N, channels], "after": ...}.
        grid: (height, width) of the tokens.
    """
    ax = _axes(ax, (5, 3.5))
    for name, values in tokens.items():
        frequency, power = token_spectrum(values, grid)
        ax.plot(frequency, power, "o-", markersize=3, label=name)
    ax.set(xlabel="spatial frequency (cycles a token)", ylabel="power", yscale="log")
    ax.legend()
    return ax
