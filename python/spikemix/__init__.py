"""Attention-free spiking transformers: run trained models, read event cameras, mix spike sequences."""
from ._core import InputError, RunError, __version__

__all__ = ["InputError", "RunError", "__version__"]
