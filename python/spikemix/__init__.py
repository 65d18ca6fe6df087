# SPDX-License-Identifier: MIT
"""Attention-free spiking transformers: run trained models, read event cameras, mix spike sequences."""
import importlib
import typing

from ._core import InputError, RunError, __version__

if typing.TYPE_CHECKING:
    from . import data, events, nn, plot, training
    from .conversion import convert, to_nir, to_onnx
    from .engine import Model, load
    from .training import train

__all__ = ["InputError", "Model", "RunError", "__version__", "convert", "data", "events", "load", "nn", "plot",
           "to_nir", "to_onnx", "train", "training"]

_FROM = {"Model": ".engine", "convert": ".conversion", "load": ".engine", "to_nir": ".conversion",
         "to_onnx": ".conversion", "train": ".training"}


def __getattr__(name: str) -> typing.Any:
    # Imported when they are first asked for: `import spikemix` costs next to nothing, and so does the console command.
    if name in _FROM:
        return getattr(importlib.import_module(_FROM[name], __name__), name)
    if name in ("data", "events", "nn", "plot", "training"):
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
