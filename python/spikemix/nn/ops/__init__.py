# SPDX-License-Identifier: MIT
"""The operators of spikemix.nn, registered with torch: `torch.ops.spikemix.*`.

Each has a CPU kernel out of `spikemix._core`, one for CUDA made of torch's own operators, a fake kernel (shapes, for
`torch.compile` and `torch.export`), a backward that is made of these operators again, a rule for `torch.vmap`, and the
transforms a formula for `torch.utils.flop_counter`. A mixer or a neuron is named by a text, so that a compiled graph
says all that it needs and means the same in another process.
"""
from .common import written_out
from .gated import gate_of, gated, gated_backward, gated_backward_by_torch, gated_by_torch
from .mix import mix, mix_backward, mix_backward_by_matrices, mix_by_matrices, mixer_of
from .neuron import neuron, neuron_backward, neuron_backward_by_torch, neuron_by_torch

__all__ = ["gate_of", "gated", "gated_backward", "gated_backward_by_torch", "gated_by_torch", "mix", "mix_backward",
           "mix_backward_by_matrices", "mix_by_matrices", "mixer_of", "neuron", "neuron_backward",
           "neuron_backward_by_torch", "neuron_by_torch", "written_out"]
