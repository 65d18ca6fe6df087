"""Attention-free spiking transformers: run trained models, read event cameras, mix spike sequences."""
import importlib
import typing

from ._core import InputError, RunError, __version__
from .engine import Model, load

if typing.TYPE_CHECKING:
    from . import data, events, nn, plot, training
    from .conversion import convert, to_onnx
    from .training import train

__all__ = ["InputError", "Model", "RunError", "__version__", "convert", "data", "events", "load", "nn", "plot",
           "to_onnx", "train", "training"]


def __getattr__(name: str) -> typing.Any:
    # Imported when they are first asked for: `import spikemix` costs next to nothing.
    if name == "train":
        return importlib.import_module(".training", __name__).train
    if name in ("convert", "to_onnx"):
        return getattr(importlib.import_module(".conversion", __name__), name)
    if name in ("data", "events", "nn", "plot", "training"):
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
