# SPDX-License-Identifier: MIT
"""Spiking transformers: the program's networks as torch modules."""
from __future__ import annotations

import json
import os
import pathlib
from typing import TYPE_CHECKING, Any, ClassVar, Optional, Union

import torch
from torch import Tensor, nn

from .. import _core
from ._network import Layers

if TYPE_CHECKING:
    from typing_extensions import Self

_Path = Union[str, "os.PathLike[str]"]


class SpikingTransformer(nn.Module):
    """A spiking transformer, as the program trains and runs it: images or event frames in, logits out.

    Args:
        config: the model's settings, those of a recipe's `[model]` ("embed_dim", "depth", "mixer", "T", ...; `spikemix
            recipes --keys` explains each), or {"model": {...}, "neuron": {...}}. What it does not say has the program's
            default: the published CIFAR-10 Spikformer 4-384 with mixer "fft2d".
        neuron: settings of `[neuron]`.
        card: what a model file says beside that: "name", "mean", "std", "classes" (names), "frames".
        settings: single settings over `config`: `Spikformer(embed_dim=64, depth=2)`.

    Input is [B, channels, height, width], normalised; of a model of events [B, T, channels, height, width].
    `state_dict()` has the names of the published networks, and the program's: files run on the engine and back.
    """

    architecture: ClassVar[Optional[str]] = None

    if TYPE_CHECKING:  # torch has modules return anything
        def __call__(self, x: Tensor) -> Tensor: ...

    def __init__(self, config: Optional[dict[str, Any]] = None, neuron: Optional[dict[str, Any]] = None,
                 card: Optional[dict[str, Any]] = None, **settings: Any) -> None:
        super().__init__()
        config = dict(config or {})
        sections = config if "model" in config or "neuron" in config else {"model": config}
        model = {**sections.get("model", {}), **settings}
        for key in ("mixer", "heads"):
            if key in model and not isinstance(model[key], (list, tuple)):
                model[key] = [model[key]]
        if self.architecture is not None:
            if model.setdefault("architecture", self.architecture) != self.architecture:
                raise ValueError(f"model.architecture = {model['architecture']}: {type(self).__name__} is "
                                 f"{self.architecture}; SpikingTransformer takes any")
        wanted = {"model": model, "neuron": {**sections.get("neuron", {}), **(neuron or {})}}
        made = json.loads(_core.plan(json.dumps(wanted)))
        self.config: dict[str, Any] = made["config"]
        self.card: dict[str, Any] = {"name": made["plan"]["architecture"], "mean": [], "std": [], "classes": [],
                                     **(card or {})}
        plan = made["plan"]
        self.T, self.classes = plan["T"], plan["classes"]
        self._still, self._input = plan["values"][0]["still"], plan["values"][0]
        self._features = plan["features"]
        self._layers = Layers(self, plan, plan["layers"], keeps=self._features)
        features = plan["values"][self._features]
        self._features_size = (features["channels"], features["height"], features["width"])
        self.head = nn.Linear(features["channels"], self.classes)
        nn.init.normal_(self.head.weight, 0, 0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, classes]."""
        sizes = self.input_shape(0)[1:]
        if tuple(x.shape[1:]) != sizes:
            raise ValueError(f"the model takes input of shape [B, {', '.join(map(str, sizes))}], found "
                             f"{list(x.shape)}")
        pixels = x.permute(0, 2, 3, 1) if self._still else x.permute(1, 0, 3, 4, 2)
        logits: Tensor = self.head(self._layers.run({0: pixels}).mean((0, 2, 3)))
        return logits

    def input_shape(self, batch: int) -> tuple[int, ...]:
        """Of a batch: (batch, channels, height, width), of a model of events (batch, T, channels, height, width)."""
        sizes = tuple(self._input[key] for key in ("channels", "height", "width"))
        return (batch, *sizes) if self._still else (batch, self.T, *sizes)

    def card_text(self) -> str:
        """What a model file says of itself, as JSON text."""
        return json.dumps({"version": 1, **self.card, **self.config})

    def save_pretrained(self, folder: _Path) -> None:
        """Writes folder/model.safetensors, which `spikemix` and `spikemix.load` run, with config.json beside it.

        A path that ends in .safetensors is the file itself. A run's own folders are refused.
        """
        path = pathlib.Path(folder)
        file = path if path.suffix == ".safetensors" else path / "model.safetensors"
        if file is not path:
            _core.check_model_folder(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.detach().cpu().to(torch.int64 if not tensor.is_floating_point() else torch.float32)
                   .contiguous().numpy() for name, tensor in self.state_dict().items()}
        _core.write_model(file, self.card_text(), tensors)
        if file is not path:
            (path / "config.json").write_text(self.card_text() + "\n", encoding="utf-8")

    @classmethod
    def from_pretrained(cls, path: _Path) -> Self:
        """A trained model, in evaluation mode: a model file, a run folder or a folder in the Hugging Face layout.

        Integer weights, as `spikemix export` writes them, become the floats that they stand for.
        """
        text, tensors = _core.read_model(os.fspath(path))
        card = json.loads(text)
        own = {key: card[key] for key in card if key not in ("version", "model", "neuron")}
        model = cls({"model": card["model"], "neuron": card["neuron"]}, card=own)
        model.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        return model.eval()


class Spikformer(SpikingTransformer):
    """Spikformer, with any mixer: one stage of `depth` blocks."""

    architecture = "spikformer"


class MaxFormer(SpikingTransformer):
    """Max-Former: stages on potentials."""

    architecture = "maxformer"


class QKFormer(SpikingTransformer):
    """QKFormer: stages on counts of spikes."""

    architecture = "qkformer"


def from_pretrained(path: _Path) -> SpikingTransformer:
    """The trained model in a file or folder, of whatever architecture; see `SpikingTransformer.from_pretrained`."""
    text, _ = _core.read_model(os.fspath(path))
    kinds = {kind.architecture: kind for kind in (Spikformer, MaxFormer, QKFormer)}
    return kinds.get(json.loads(text)["model"]["architecture"], SpikingTransformer).from_pretrained(path)
