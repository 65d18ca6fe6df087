# SPDX-License-Identifier: MIT
"""Models and tensors, with torch and Pillow installed."""
import numpy as np
import pytest

import spikemix

torch = pytest.importorskip("torch")


def test_tensors_are_read_without_a_copy():
    model = spikemix.load()
    x = torch.rand(3, 3, 32, 32)
    expected = model(x.numpy())
    assert np.array_equal(model(x), expected)
    assert np.array_equal(model(x.requires_grad_()), expected)
    flat, leading = model._inputs(x, model.input_shape, "x")
    assert flat.ctypes.data == x.data_ptr() and leading == (3,)
    assert torch.equal(torch.from_dlpack(model(x)), torch.from_numpy(expected))
    for bad, text in ((x.bfloat16(), "x: a Tensor is not an array"), (x.to("meta"), "on meta; expected the CPU"),
                      (x.to_sparse(), "x: a Tensor is not an array")):
        with pytest.raises(ValueError, match=text):
            model(bad)


def test_pil_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    model = spikemix.load()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    rgb, grey = image.fromarray(pixels[..., :3]), image.fromarray(pixels[..., 0])
    rgb.save(tmp_path / "a.png")
    expected = model.preprocess(pixels[..., :3])
    for given in (rgb, image.fromarray(pixels), tmp_path / "a.png"):  # alpha is dropped
        assert np.array_equal(model.preprocess(given), expected)
    assert np.array_equal(model.preprocess([rgb, grey])[1], model.preprocess(pixels[..., 0]))
