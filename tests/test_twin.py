# SPDX-License-Identifier: MIT
"""bench/torch_twin.py, the dense twin for other runtimes, against the training half's network with neuron.kind=relu."""
import sys

import pytest
import torch

from places import SOURCE
from test_families import RELU, SIZES, model
from test_model import inputs

sys.path.insert(0, str(SOURCE / "bench"))
from torch_twin import Twin  # noqa: E402

OWN = {"architecture": "spikformer", "stem": "conv4", "wavelet": "haar", "levels": 0, "axes": "", "alternate": False,
       "pool_before_neuron": False}


@pytest.mark.parametrize("mixer", ["wt2d", "identity"])
@pytest.mark.parametrize("stream", ["spike", "membrane"])
@pytest.mark.parametrize("sizes", [{}, {"height": 24, "width": 40, "embed_dim": 48}])
def test_the_twin_is_the_same_network(ops, stream, mixer, sizes):
    c = SIZES["image"] | RELU | {"mixer": [mixer], "stream": stream} | sizes
    ours = model(ops, c)
    x = inputs(c, 8, torch.float32)
    with torch.no_grad():
        for _ in range(3):
            ours.forward(x)  # the norms' statistics
        ours.train(False)
        twin = Twin({"model": OWN | c}, {name: t.detach() for name, t in ours.state().items()}).eval()
        torch.testing.assert_close(twin(x), ours.forward(x), rtol=1e-4, atol=1e-4)
