# SPDX-License-Identifier: MIT
"""Token mixers, spiking neurons and spiking transformers as torch modules, on this project's kernels.

Needs torch 2.6 or newer, which is imported here and nowhere else in the package.
"""
try:
    import torch as _torch
except ImportError as error:
    raise ImportError("spikemix.nn needs torch 2.6 or newer: pip install 'spikemix[torch]'") from error

if not hasattr(_torch.library, "register_vmap"):
    raise ImportError(f"spikemix.nn needs torch 2.6 or newer, found {_torch.__version__}: pip install -U torch")

from .mixers import Mixer, Transform, mixers
from .models import MaxFormer, QKFormer, Spikformer, SpikingTransformer, from_pretrained
from .neurons import IF, LIF, PLIF, Integer, Neuron

__all__ = ["IF", "LIF", "Integer", "MaxFormer", "Mixer", "Neuron", "PLIF", "QKFormer", "Spikformer",
           "SpikingTransformer", "Transform", "from_pretrained", "mixers"]
