# SPDX-License-Identifier: MIT
"""Networks between frameworks: others' state dicts into ours, and ours as ONNX and NIR."""
from __future__ import annotations

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

from ._core import InputError, RunError

if TYPE_CHECKING:
    from .nn import SpikingTransformer

_Path = Union[str, "os.PathLike[str]"]


def convert(weights: Union[Mapping[str, Any], _Path], settings: Optional[Mapping[str, Any]] = None, *,
            recipe: Optional[str] = None) -> SpikingTransformer:
    """A network of others as one of ours, in evaluation mode.

    Takes what the published Spikformer, QKFormer and Max-Former code and SpikingJelly's Spikformer save: the shape is
    read from the tensors' names and sizes, as `spikemix import` does.

    Args:
        weights: a state dict (or a checkpoint with one in it), or a file or folder that holds one.
        settings: what no tensor says: {"model.heads": 8, "model.T": 6}.
        recipe: a recipe whose model it is.

    Raises:
        InputError: no network that is known, or settings that do not fit it.
    """
    import torch

    from . import nn
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        if isinstance(weights, Mapping):
            file = place / "weights.pth"
            torch.save(dict(weights), file)
        else:
            file = pathlib.Path(weights)
        command = [sys.executable, "-m", "spikemix", "import", os.fspath(file), "-o",
                   os.fspath(place / "model.safetensors")]
        command += ["--recipe", recipe] if recipe else []
        command += [f"{key}={value}" for key, value in (settings or {}).items()]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines() or [f"spikemix import ended with {result.returncode}"]
            text = lines[-1].replace(os.fspath(place) + os.sep, "")
            raise (InputError if result.returncode == 2 else RunError)(text.removeprefix("error: "))
        return nn.from_pretrained(place / "model.safetensors")


def to_onnx(model: SpikingTransformer, path: _Path, *, batch: Optional[int] = None) -> None:
    """Writes the network as ONNX, of standard operators alone: time steps unrolled, transforms as matrix products.

    Needs onnx and onnxscript. Neurons fire on sums: where a runtime sums up in another order, a spike may flip, as it
    may between two machines.

    Args:
        model: in evaluation mode; its norms' running statistics are what the file has.
        path: the file, which takes "input" as the model does and gives "logits".
        batch: the size of a batch; None: any.

    Raises:
        ValueError: the model is in training mode, or has a mixer without standard operators (gates of Fourier kinds).
    """
    import torch

    from .nn import ops
    if model.training:
        raise ValueError("to_onnx: the model is in training mode, expected model.eval()")
    for layer in model._layers.layers:
        if layer.map == "gated" and ops.gate_of(layer.transform, layer.height, layer.width, 1).kind != 0:
            raise ValueError(f"to_onnx: {layer.name}, {layer.transform}: ONNX's standard operators have no inverse "
                             "real FFT; gated:transform=dct, hadamard and wt2d are matrices")
    for needed in ("onnx", "onnxscript"):
        if importlib.util.find_spec(needed) is None:
            raise ImportError(f"to_onnx needs {needed}: pip install onnx onnxscript")
    device = next(model.parameters()).device
    x = torch.zeros(model.input_shape(batch or 2), device=device)
    shapes = None if batch else {"x": {0: torch.export.Dim("batch", min=1)}}
    with torch.no_grad(), ops.written_out():
        model(x)  # makes the matrices, which tracing would make of nothing
        program = torch.onnx.export(model, (x,), dynamo=True, dynamic_shapes=shapes, input_names=["input"],
                                    output_names=["logits"], verbose=False)
    assert program is not None
    program.save(os.fspath(path))


def to_nir(model: SpikingTransformer, path: Optional[_Path] = None) -> Any:
    """The network as a `nir.NIRGraph`, of one time step; written to `path`, if there is one.

    Few networks fit: NIR has no max-pool, no product of two values and nothing that mixes tokens, so the stem must have
    no pools, and mixers run over the channels alone ("identity", or axes="embed"). Norms are folded into convolutions.
    tau is in time steps (dt = 1); logits are the output's mean over the time steps. Needs nir.

    Raises:
        ValueError: naming the layer that NIR cannot say, and what it lacks.
    """
    if model.training:
        raise ValueError("to_nir: the model is in training mode, expected model.eval()")
    if importlib.util.find_spec("nir") is None:
        raise ImportError("to_nir needs nir: pip install nir")
    import nir

    from ._nir import Writer
    graph = Writer(model).graph()
    if path is not None:
        nir.write(os.fspath(path), graph)
    return graph
