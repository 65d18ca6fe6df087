# SPDX-License-Identifier: MIT
"""Spiking neurons over all time steps at once."""
from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Optional

import torch
from torch import Tensor, nn

from .. import _core
from . import ops


class Neuron(nn.Module):
    """Spiking neurons, multi-step: takes [T, ...], gives spikes of the same shape and type.

    SpikingJelly's multi-step nodes (`decay_input=True`), forward and gradient, on one fused kernel: it keeps its input
    alone for the backward pass. It has no state: the membrane starts at rest in each call, and there is nothing to
    reset. The result has the input's type and device. float32 and bfloat16 on the CPU run on the kernel, with as many
    threads as torch has and the same bits for any number of them; everything else runs on torch's own operators.

    A second derivative is refused, because the first one is a surrogate.
    """

    w: Optional[nn.Parameter]

    if TYPE_CHECKING:  # torch has modules return anything
        def __call__(self, x: Tensor, T: int = 0) -> Tensor: ...

    def __init__(self, config: dict[str, Any], v_threshold: Optional[float] = None) -> None:
        super().__init__()
        self.config = dict(config)
        self.constants = _core.neuron_json(json.dumps(self.config), v_threshold)
        self.w = None

    @classmethod
    def of_constants(cls, constants: str, w: bool = False) -> Neuron:
        """Neurons of a plan's layer: their constants as JSON text."""
        self = cls.__new__(cls)
        nn.Module.__init__(self)
        self.config, self.constants = {}, constants
        start = math.log(json.loads(constants)["k"] / (1 - json.loads(constants)["k"])) if w else 0.0
        self.w = nn.Parameter(torch.tensor(start)) if w else None
        return self

    def forward(self, x: Tensor, T: int = 0) -> Tensor:
        """Spikes of x [T, ...].

        Args:
            x: what the neurons are driven by, floating point.
            T: if not 0, x has no time axis and each of T steps reads the same x: the result is [T, *x.shape].
        """
        if not x.is_floating_point():
            raise ValueError(f"neurons: x is {x.dtype}, expected floating point")
        if T == 0 and x.dim() < 1:
            raise ValueError("neurons: x has no axes, expected [T, ...]")
        return ops.neuron(x, self.w, self.constants, T)

    def extra_repr(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self.config.items() if key != "kind")


def _config(kind: str, tau: float, v_threshold: float, v_reset: Optional[float], detach_reset: bool, surrogate: str,
            alpha: Optional[float]) -> dict[str, Any]:
    return {"kind": kind, "tau": tau, "v_threshold": v_threshold, "reset": "soft" if v_reset is None else "hard",
            "v_reset": v_reset or 0.0, "detach_reset": detach_reset, "surrogate": surrogate, "alpha": alpha or 0.0}


class LIF(Neuron):
    """Leaky integrate and fire: h = v + (x - (v - v_reset)) / tau, a spike where h >= v_threshold.

    Args:
        tau: membrane time constant in time steps, > 1.
        v_threshold: fires from here on.
        v_reset: potential behind a spike, and at rest; None: a soft reset, v - v_threshold.
        detach_reset: no gradient through the reset.
        surrogate: the spike's gradient, "sigmoid", "arctan" or "triangle".
        alpha: its sharpness; None: sigmoid 4, arctan 2, triangle 1.
    """

    def __init__(self, tau: float = 2.0, v_threshold: float = 1.0, v_reset: Optional[float] = 0.0,
                 detach_reset: bool = True, surrogate: str = "sigmoid", alpha: Optional[float] = None) -> None:
        super().__init__(_config("lif", tau, v_threshold, v_reset, detach_reset, surrogate, alpha))


class IF(Neuron):
    """Integrate and fire: h = v + x. The arguments are LIF's, without tau."""

    def __init__(self, v_threshold: float = 1.0, v_reset: Optional[float] = 0.0, detach_reset: bool = True,
                 surrogate: str = "sigmoid", alpha: Optional[float] = None) -> None:
        super().__init__(_config("if", 2.0, v_threshold, v_reset, detach_reset, surrogate, alpha))


class PLIF(Neuron):
    """LIF whose tau is learned: 1 / tau = sigmoid(w), one w for all neurons, starting at `tau`."""

    def __init__(self, tau: float = 2.0, v_threshold: float = 1.0, v_reset: Optional[float] = 0.0,
                 detach_reset: bool = True, surrogate: str = "sigmoid", alpha: Optional[float] = None) -> None:
        super().__init__(_config("plif", tau, v_threshold, v_reset, detach_reset, surrogate, alpha))
        self.w = nn.Parameter(torch.tensor(-math.log(tau - 1)))


class Integer(Neuron):
    """Integer neurons (Spike-driven Transformer V3): counts of 0 to `levels` instead of spikes.

    h = (1 - 1 / tau) v + x, a count of floor(min(max(h, 0), levels) + 1/2), which is subtracted from h. The gradient is
    1 where 0 < h < levels.
    """

    def __init__(self, levels: int = 4, tau: float = 2.0) -> None:
        super().__init__({"kind": "integer", "levels": levels, "tau": tau})
