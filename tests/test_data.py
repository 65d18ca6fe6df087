# SPDX-License-Identifier: MIT
"""Pictures and augmentation against Pillow, on CIFAR-10's images if they are here."""
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from places import data_at

FILL = 128


@pytest.fixture(scope="module")
def pictures():
    """Images, and awkward ones: flat, two levels, a ramp."""
    file = data_at("cifar10-exact-sample", "test_batch.bin")
    records = np.fromfile(file, np.uint8).reshape(-1, 3073)[::50, 1:]
    images = list(records.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    flat = np.full((32, 32, 3), 77, np.uint8)
    two = flat.copy()
    two[5:20, 3:9] = (3, 200, 255)
    ramp = np.arange(32 * 48 * 3, dtype=np.uint8).reshape(32, 48, 3)  # not square
    return [np.ascontiguousarray(i) for i in [*images, flat, two, ramp]]


# timm's rand-m9-n1-mstd0.4-inc1, from its published formulas: magnitude 0 to 10 -> arguments of Pillow.
def share(m, negate, largest):
    return (-1 if negate else 1) * m / 10 * largest


def factor(m, negate):
    return max(0.1, 1 + share(m, negate, 0.9))


def transform(image, matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR,
                           fillcolor=(FILL,) * len(image.getbands()))


def solarize_add(image, add):
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * len(image.getbands()))


PILLOW = {
    "AutoContrast": lambda i, m, n: ImageOps.autocontrast(i),
    "Equalize": lambda i, m, n: ImageOps.equalize(i),
    "Invert": lambda i, m, n: ImageOps.invert(i),
    "Rotate": lambda i, m, n: i.rotate(share(m, n, 30), Image.Resampling.BILINEAR,
                                       fillcolor=(FILL,) * len(i.getbands())),
    "PosterizeIncreasing": lambda i, m, n: i.point([v & ~(2 ** (8 - (4 - int(m / 10 * 4))) - 1) for v in range(256)] *
                                                   len(i.getbands())),
    "SolarizeIncreasing": lambda i, m, n: ImageOps.solarize(i, 256 - min(256, int(m / 10 * 256))),
    "SolarizeAdd": lambda i, m, n: solarize_add(i, min(128, int(m / 10 * 110))),
    "ColorIncreasing": lambda i, m, n: ImageEnhance.Color(i).enhance(factor(m, n)),
    "ContrastIncreasing": lambda i, m, n: ImageEnhance.Contrast(i).enhance(factor(m, n)),
    "BrightnessIncreasing": lambda i, m, n: ImageEnhance.Brightness(i).enhance(factor(m, n)),
    "SharpnessIncreasing": lambda i, m, n: ImageEnhance.Sharpness(i).enhance(factor(m, n)),
    "ShearX": lambda i, m, n: transform(i, (1, share(m, n, 0.3), 0, 0, 1, 0)),
    "ShearY": lambda i, m, n: transform(i, (1, 0, 0, share(m, n, 0.3), 1, 0)),
    "TranslateXRel": lambda i, m, n: transform(i, (1, 0, share(m, n, 0.45) * i.size[0], 0, 1, 0)),
    "TranslateYRel": lambda i, m, n: transform(i, (1, 0, 0, 0, 1, share(m, n, 0.45) * i.size[1])),
}
# Exact here, but another C library's sine may differ in its last bit.
GREY_LEVELS = {"Rotate": 1}


def test_every_operation_has_its_reference(ops):
    assert list(ops.randaugment_names()) == list(PILLOW)


@pytest.mark.parametrize("grey", [False, True], ids=["rgb", "grey"])
@pytest.mark.parametrize("name", PILLOW)
def test_randaugment_op_equals_pillow(ops, pictures, name, grey):
    changed = False
    for picture in pictures:
        image = Image.fromarray(picture)
        if grey:
            image = image.convert("L")
        pixels = torch.from_numpy(np.array(image).reshape(*picture.shape[:2], -1))
        for magnitude in (0, 0.4, 3.3, 7.5, 9, 9.7, 10):
            for negate in (False, True):
                got = ops.randaugment_op(pixels, name, magnitude, negate, FILL).numpy().astype(int)
                want = np.array(PILLOW[name](image, magnitude, negate)).reshape(got.shape).astype(int)
                worst = np.abs(got - want).max()
                assert worst <= GREY_LEVELS.get(name, 0), (magnitude, negate, worst)
                changed |= not np.array_equal(got, pixels.numpy())
    assert changed or (grey and name == "ColorIncreasing")


@pytest.mark.parametrize("size", [(32, 32), (16, 16), (8, 24), (48, 48), (64, 40), (31, 7)])
def test_fit_equals_pillow(ops, pictures, size):
    """The largest centred part with the target's shape, bilinear over all that each pixel covers; past the border
    the border's pixels are repeated, as in Pillow on a padded image."""
    height, width = size
    border = 16
    for picture in pictures[::3] + [pictures[-1]]:
        image = Image.fromarray(np.pad(picture, ((border, border), (border, border), (0, 0)), mode="edge"))
        scale = min(picture.shape[0] / height, picture.shape[1] / width)
        left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
        want = image.resize((width, height), Image.Resampling.BILINEAR,
                            box=(left, top, left + scale * width, top + scale * height))
        got = ops.fit_image(torch.from_numpy(picture), height, width, 3).numpy()
        assert np.abs(got.astype(int) - np.array(want).astype(int)).max() <= 1


def test_channels_equal_pillow(ops, pictures):
    for picture in pictures:
        grey = ops.fit_image(torch.from_numpy(picture), *picture.shape[:2], 1)
        assert np.array_equal(grey.numpy()[..., 0], np.array(Image.fromarray(picture).convert("L")))
        assert np.array_equal(ops.fit_image(grey, *picture.shape[:2], 3).numpy(), grey.numpy().repeat(3, axis=2))


def encode(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)


def photo(pictures):
    """96 x 64: several images side by side, to exercise JPEG's blocks and PNG's filters."""
    return Image.fromarray(np.concatenate([np.concatenate(pictures[i:i + 3], axis=1) for i in (0, 3)]))


@pytest.mark.parametrize("mode, options, levels", [
    ("RGB", dict(format="PNG"), 0),
    ("L", dict(format="PNG"), 0),
    ("P", dict(format="PNG"), 0),
    ("1", dict(format="PNG"), 0),
    ("RGBA", dict(format="PNG"), 0),
    ("LA", dict(format="PNG"), 0),
    ("RGB", dict(format="JPEG", quality=90), 0),
    ("RGB", dict(format="JPEG", quality=90, subsampling=0), 0),
    ("RGB", dict(format="JPEG", quality=60, progressive=True), 0),
    ("L", dict(format="JPEG", quality=90), 0),
    ("CMYK", dict(format="JPEG", quality=90), 1),
], ids=str)
def test_decoding_equals_pillow(ops, pictures, mode, options, levels):
    image = photo(pictures).convert(mode)
    if mode in ("RGBA", "LA"):
        mask = Image.new("L", image.size, 255)
        ImageDraw.Draw(mask).rectangle((10, 10, 40, 40), fill=90)
        image.putalpha(mask)
    data = encode(image, **options)
    grey = mode in ("L", "LA", "1")
    want = np.array(Image.open(io.BytesIO(data.numpy().tobytes())).convert("L" if grey else "RGB"))
    got = ops.decode_image(data).numpy()
    assert got.shape == (64, 96, 1 if grey else 3)
    assert np.abs(got.astype(int) - want.reshape(got.shape).astype(int)).max() <= levels


def test_16_bit_png_keeps_its_upper_bytes(ops, pictures):
    wide = np.array(photo(pictures).convert("L")).astype(np.uint16)
    got = ops.decode_image(encode(Image.fromarray(wide * 257), format="PNG"))
    assert np.array_equal(got.numpy()[..., 0], wide)


def test_pillow_reads_what_write_png_writes(ops, pictures, tmp_path):
    for picture in (np.array(photo(pictures)), np.array(photo(pictures).convert("L"))[..., None]):
        ops.write_png(torch.from_numpy(picture), str(tmp_path / "out.png"))
        assert np.array_equal(np.array(Image.open(tmp_path / "out.png")).reshape(picture.shape), picture)
    assert [f.name for f in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.parametrize("batch", [4, 5])
def test_mixup_is_timms_batch_mode(ops, batch):
    torch.manual_seed(batch)
    images, labels, lam, smoothing = torch.rand(batch, 3, 4, 4), torch.tensor([2, 0, 1, 2, 0])[:batch], 0.3, 0.1
    torch.testing.assert_close(ops.mixup_images(images, lam), lam * images + (1 - lam) * images.flip(0))

    def smooth(label):
        return torch.full((batch, 3), smoothing / 3).scatter_(1, label[:, None], 1 - smoothing + smoothing / 3)

    targets = ops.mixup_targets(labels, 3, lam, smoothing)
    torch.testing.assert_close(targets, lam * smooth(labels) + (1 - lam) * smooth(labels.flip(0)))
    assert math.isclose(targets.sum().item(), batch, rel_tol=1e-6)


def timms_rand_bbox(height, width, lam, cy, cx):
    """timm.data.mixup.rand_bbox with margin 0, with (cy, cx) as its draw."""
    ratio = np.sqrt(1 - lam)
    cut_h, cut_w = int(height * ratio), int(width * ratio)
    return [np.clip(cy - cut_h // 2, 0, height), np.clip(cy + cut_h // 2, 0, height),
            np.clip(cx - cut_w // 2, 0, width), np.clip(cx + cut_w // 2, 0, width)]


@pytest.mark.parametrize("batch", [4, 5])
def test_cutmix_is_timms_batch_mode(ops, batch):
    rng = np.random.default_rng(batch)
    height, width = 9, 14
    for shape in [(batch, 3, height, width), (batch, 2, 2, height, width)]:  # pictures; frames of events
        for lam in [0.0, 1.0, *rng.random(50)]:
            y, x = int(rng.integers(height)), int(rng.integers(width))
            box = ops.cutmix_box(y, x, height, width, lam)
            assert box == timms_rand_bbox(height, width, lam, y, x)
            top, bottom, left, right = box
            images = torch.from_numpy(rng.random(shape, np.float32))
            expected = images.clone()
            expected[..., top:bottom, left:right] = images.flip(0)[..., top:bottom, left:right]
            assert torch.equal(ops.cutmix_images(images, box), expected)
