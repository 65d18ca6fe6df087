# SPDX-License-Identifier: MIT
"""The notebook that needs torch and SpikingJelly runs, and comes to what it says."""
import pathlib

import pytest

pytest.importorskip("torch")
pytest.importorskip("spikingjelly")

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


def test_mixers_in_spikingjellys_spikformer(tmp_path):
    from notebooks import execute
    if not FASHION.is_dir():
        pytest.skip(f"no data: {FASHION} (Debian's dataset-fashion-mnist)")
    _, (losses, parameters, kinds, powers) = execute("mixer", tmp_path, ask=(
        "losses", "parameters", "{mixer: type(net.blocks[1].attn).__name__ for mixer, net in nets.items()}",
        "{name: [float(power) for power in plot.token_spectrum(values, (8, 8))[1]] for name, values in scale.items()}"))
    assert kinds == {"attention": "SpikingSelfAttention", "wt2d": "Mixer"}
    assert parameters["attention"] > parameters["wt2d"]
    for mixer, values in losses.items():
        assert len(values) == 30 and sum(values[-5:]) < 0.9 * sum(values[:5]), mixer
    smooth, *others = [sum(power[:2]) / sum(power) for power in powers.values()]
    assert all(share < smooth for share in others), "a transform takes power out of the lowest frequencies"
