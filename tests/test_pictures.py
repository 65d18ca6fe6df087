# SPDX-License-Identifier: MIT
"""Every format of pictures against Pillow's Image.open().convert("RGB"), on pictures made here."""
import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw


def picture(mode="RGB", size=(37, 29)):
    """Slopes, edges and noise, of odd sizes."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(1).integers(0, 60, (height, width))
    pixels = np.stack([x * 5 % 256, (y * 7 + noise) % 256, (x + y) * 3 % 256], axis=2).astype(np.uint8)
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).rectangle((5, 5, 14, 20), fill=(250, 10, 30))
    if mode in ("RGBA", "LA"):
        image = image.convert(mode[:-1])
        image.putalpha(Image.fromarray((x * 6 % 256).astype(np.uint8)))
        return image
    if mode == "P":
        return image.convert("P", palette=Image.Palette.ADAPTIVE, colors=100)
    return image.convert(mode)


def encode(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def read(ops, data):
    """As RGB, whatever the number of channels."""
    got = ops.decode_image(torch.from_numpy(np.frombuffer(data, np.uint8).copy())).numpy()
    return np.repeat(got, 3, axis=2) if got.shape[2] == 1 else got


def assert_as_pillow(ops, data, levels=0):
    want = np.array(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    got = read(ops, data).astype(int)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= levels


@pytest.mark.parametrize("mode, options", [
    ("RGB", dict(format="WEBP", lossless=True)), ("RGB", dict(format="WEBP", quality=80)),
    ("RGBA", dict(format="WEBP", lossless=True)), ("RGBA", dict(format="WEBP", quality=80)),
    ("RGBA", dict(format="WEBP", lossless=True, exact=True)), ("L", dict(format="WEBP", quality=50)),
    *[(mode, dict(format="BMP")) for mode in ("1", "L", "P", "RGB", "RGBA")],
    *[(mode, dict(format="GIF")) for mode in ("1", "L", "P", "RGB", "RGBA")],
    *[("P", dict(format="GIF", interlace=interlace, transparency=3)) for interlace in (0, 1)],
    *[(mode, dict(format="PPM")) for mode in ("1", "L", "RGB")],
    *[(mode, dict(format="TIFF", compression=compression)) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")
      for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")],
    ("1", dict(format="TIFF", compression="group4")), ("L", dict(format="TIFF", compression="jpeg")),
    ("RGB", dict(format="TIFF", compression="jpeg")), ("YCbCr", dict(format="TIFF", compression="raw")),
    ("RGB", dict(format="TIFF", compression="tiff_lzw", tiffinfo={317: 2})),
    *[(mode, dict(format="PNG")) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")],
    *[("P", dict(format="PNG", bits=bits)) for bits in (1, 2, 4)],
    ("P", dict(format="PNG", transparency=3)), ("RGB", dict(format="PNG", transparency=(250, 10, 30))),
    ("L", dict(format="PNG", transparency=7)), ("CMYK", dict(format="JPEG", quality=90)),
    ("L", dict(format="JPEG")), ("RGB", dict(format="JPEG", progressive=True, subsampling=2)),
], ids=str)
def test_pixels_are_pillows(ops, mode, options):
    image = picture(mode)
    if "bits" in options:
        image = picture("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=2 ** options["bits"])
    assert_as_pillow(ops, encode(image, **options), levels=mode == "YCbCr")  # libtiff's conversion, or Pillow's own


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (8, 1), (31, 2), (32, 3), (33, 4)], ids=str)
@pytest.mark.parametrize("format", ["WEBP", "BMP", "GIF", "PPM", "TIFF", "PNG", "JPEG"])
def test_odd_sizes(ops, format, size):
    for mode in ("1", "P", "L", "RGB"):
        if format in ("BMP", "GIF", "PPM", "TIFF", "PNG") and not (format == "PPM" and mode == "P"):
            assert_as_pillow(ops, encode(picture(mode, size), format=format))
    assert_as_pillow(ops, encode(picture("RGB", size), format=format))


@pytest.mark.parametrize("format", ["WEBP", "GIF", "PNG"])
def test_an_animation_gives_its_first_frame(ops, format):
    frames = [picture("RGB"), Image.new("RGB", (37, 29), "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    assert_as_pillow(ops, encode(frames[0], format=format, save_all=True, append_images=frames[1:], **options))


def test_a_gif_whose_first_frame_is_smaller_than_its_canvas(ops):
    for transparency in ({}, {"transparency": 5}):
        data = bytearray(encode(picture("P"), format="GIF", **transparency))
        data[6:10] = struct.pack("<HH", 50, 40)
        where = data.index(b",\0\0\0\0%\0")
        data[where + 1:where + 5] = struct.pack("<HH", 6, 3)
        assert_as_pillow(ops, bytes(data))
        data[6:10] = struct.pack("<HH", 20, 20)  # a canvas that grows
        assert_as_pillow(ops, bytes(data))


# --- PNG as stored
# ------------------------------------------------------------------------------------------------------


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(header, rows, *chunks):
    """@param header  width, height, bits, colour type"""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0)) + b"".join(chunks) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.mark.parametrize("name, chunks", [
    ("gAMA", [(b"gAMA", struct.pack(">I", gamma))]) for gamma in (100000, 55556, 45455, 22727, 1)
] + [("sRGB", [(b"sRGB", b"\0")]), ("cHRM", [(b"gAMA", struct.pack(">I", 60000)), (b"cHRM", struct.pack(
    ">8I", 31270, 32900, 70000, 30000, 20000, 70000, 15000, 6000))]), ("bKGD", [(b"bKGD", b"\0\7\0\7\0\7")]),
     ("iCCP", [(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))])], ids=str)
@pytest.mark.parametrize("bits", [8, 16])
def test_png_values_are_as_stored(ops, name, chunks, bits):
    values = np.arange(4 * 6 * 3 * bits // 8, dtype=np.uint8).reshape(4, -1) * 11
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    assert_as_pillow(ops, png((6, 4, bits, 2), rows, *(chunk(kind, data) for kind, data in chunks)))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_few_bits(ops, bits):
    rows = b"".join(b"\0" + bytes([(y * 37 + x * 91) % 256 for x in range((13 * bits + 7) // 8)]) for y in range(5))
    assert_as_pillow(ops, png((13, 5, bits, 0), rows))
    assert_as_pillow(ops, png((13, 5, bits, 0), rows, chunk(b"tRNS", b"\0\1")))
    colours = bytes((i * 53) % 256 for i in range(3 * 2 ** bits))
    assert_as_pillow(ops, png((13, 5, bits, 3), rows, chunk(b"PLTE", colours)))
    assert_as_pillow(ops, png((13, 5, bits, 3), rows, chunk(b"PLTE", colours), chunk(b"tRNS", b"\0\x80")))


def test_16_bits_keep_the_upper_8(ops):
    wide = np.arange(0, 65536, 257, dtype=np.uint16)[:240].reshape(12, 20) + np.uint16(200)
    for format in ("PNG", "TIFF"):
        got = read(ops, encode(Image.fromarray(wide), format=format))
        assert np.array_equal(got[..., 0], wide >> 8)
    for kind, channels in ((2, 3), (6, 4), (4, 2)):
        values = np.resize(wide, (6, 5 * channels)).astype(">u2")
        data = png((5, 6, 16, kind), b"".join(b"\0" + row.tobytes() for row in values))
        assert_as_pillow(ops, data)


def test_an_interlaced_png(ops):
    # Adam7 of a grey picture of 9 x 10.
    pixels = np.array(picture("L", (9, 10)))
    rows = b""
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                         (0, 1, 1, 2)):
        rows += b"".join(b"\0" + row.tobytes() for row in pixels[y::dy, x::dx] if row.size)
    data = bytearray(png((9, 10, 8, 0), rows))
    data[28] = 1
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    assert_as_pillow(ops, bytes(data))


# --- unusual JPEG headers from phones
# -----------------------------------------------------------------------------------


def changed(data, marker, offset, values):
    where = data.index(b"\xff" + bytes([marker]))
    return data[:where + offset] + bytes(values) + data[where + offset + len(values):]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    "fault", ["zero scan parameters", "JFIF revision", "stray bytes", "no end mark", "after the end"])
def test_a_jpeg_with_odd_headers_has_its_pixels(ops, mode, fault):
    data = encode(picture(mode, (64, 48)), format="JPEG", quality=85)
    odd = {
        "zero scan parameters": lambda: changed(data, 0xDA, 5 + 2 * (3 if mode == "RGB" else 1), (0, 0, 0)),
        "JFIF revision": lambda: changed(data, 0xE0, 9, (7, 9)),
        "stray bytes": lambda: data[:2] + data[2:].replace(b"\xff\xda", b"\0\0\0\xff\xda", 1),
        "no end mark": lambda: data[:-2],
        "after the end": lambda: data + b"\0" * 50 + data,
    }[fault]()
    assert odd != data
    assert np.array_equal(read(ops, odd), read(ops, data))
    assert_as_pillow(ops, data)


def test_made_up_pixels_are_refused(ops):
    for options in (dict(), dict(progressive=True)):
        data = encode(picture("RGB", (96, 80)), format="JPEG", quality=85, **options)
        for cut in (len(data) // 3, len(data) - 40):
            with pytest.raises(RuntimeError, match="damaged JPEG"):
                read(ops, data[:cut])
            with pytest.raises(RuntimeError, match="damaged JPEG"):
                read(ops, data[:cut] + b"\xff\xd9")
            with pytest.raises(OSError):
                Image.open(io.BytesIO(data[:cut])).load()


@pytest.mark.parametrize("options", [
    dict(format="WEBP"), dict(format="WEBP", lossless=True), dict(format="GIF"), dict(format="BMP"), dict(format="PPM"),
    dict(format="TIFF"), dict(format="TIFF", compression="tiff_lzw"), dict(format="PNG")], ids=str)
def test_cut_pictures_are_refused(ops, options):
    data = encode(picture(), **options)
    for size in (3, 9, 20, len(data) // 3, len(data) // 2, len(data) - 20):
        with pytest.raises(RuntimeError):
            read(ops, data[:size])


# --- corner cases of the other formats
# ---------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_rotates_only_tiffs(ops, orientation):
    image, exif = picture(), Image.Exif()
    exif[0x0112] = orientation
    for format in ("JPEG", "PNG", "WEBP", "TIFF"):
        assert_as_pillow(ops, encode(image, format=format, exif=exif))


def test_tiffs_of_tiles_planes_and_few_bits(ops, tmp_path):
    def tiff(tags, data):
        """A little-endian TIFF: tags {number: (type, values)}, then `data`, whose place goes into tag 273 or 324."""
        sizes = {1: "B", 3: "H", 4: "I"}
        entries, extra = b"", b""
        start = 8 + 2 + 12 * len(tags) + 4
        for tag, (kind, values) in sorted(tags.items()):
            packed = struct.pack(f"<{len(values)}{sizes[kind]}", *values)
            if len(packed) <= 4:
                entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
            else:
                entries += struct.pack("<HHII", tag, kind, len(values), start + len(extra))
                extra += packed
        body = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4 + extra
        return body, data

    def assembled(tags, parts, where):
        offsets = where if isinstance(where, int) else 273
        tags[offsets] = (4, [0] * len(parts))
        body, _ = tiff(tags, b"")
        place, places = len(body), []
        for part in parts:
            places.append(place)
            place += len(part)
        tags[offsets] = (4, places)
        return tiff(tags, b"")[0] + b"".join(parts)

    pixels = np.array(picture("RGB", (40, 20)))
    plain = {256: (4, [40]), 257: (4, [20]), 258: (3, [8] * 3), 259: (3, [1]), 262: (3, [2]), 277: (3, [3])}
    planes = [pixels[..., c].tobytes() for c in range(3)]
    data = assembled({**plain, 278: (4, [20]), 279: (4, [800] * 3), 284: (3, [2])}, planes, 273)
    assert np.array_equal(read(ops, data), pixels)
    tiles = []
    padded = np.pad(pixels, ((0, 12), (0, 8), (0, 0)))
    for y in (0, 16):
        for x in (0, 16, 32):
            tiles.append(padded[y:y + 16, x:x + 16].tobytes())
    data = assembled({**plain, 322: (4, [16]), 323: (4, [16]), 325: (4, [768] * 6)}, tiles, 324)
    assert np.array_equal(read(ops, data), pixels)
    assert_as_pillow(ops, data)
    for bits in (1, 2, 4):
        row = (40 * bits + 7) // 8
        packed = bytes((i * 37 + 11) % 256 for i in range(row * 20))
        for photometric in (0, 1):
            tags = {256: (4, [40]), 257: (4, [20]), 258: (3, [bits]), 259: (3, [1]), 262: (3, [photometric]),
                    277: (3, [1]), 278: (4, [20]), 279: (4, [len(packed)])}
            assert_as_pillow(ops, assembled(tags, [packed], 273))


def test_bmps_of_masks_and_runs(ops):
    def bmp(bits, compression, height, masks, palette, data):
        header = struct.pack("<IiiHHIIiiII", 40, 6, height, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
        start = 14 + 40 + len(masks) + len(palette)
        return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + masks + palette + data

    values = np.arange(6 * 4, dtype=np.uint64) * 40503 * 2654435 % 2**32
    five = struct.pack("<III", 0x7C00, 0x3E0, 0x1F)
    six = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    for masks, compression in ((b"", 0), (five, 3), (six, 3)):
        for height in (4, -4):
            assert_as_pillow(ops, bmp(16, compression, height, masks, b"", values.astype("<u2").tobytes()))
    for masks in (struct.pack("<III", 0xFF0000, 0xFF00, 0xFF), struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)):
        assert_as_pillow(ops, bmp(32, 3, 4, masks, b"", values.astype("<u4").tobytes()))
    palette = bytes((i * 29) % 256 if i % 4 < 3 else 0 for i in range(4 * 16))
    runs8 = b"\6\3\0\0" + b"\0\6\1\2\3\4\5\6\0\0" + b"\2\7\4\1\0\0" + b"\0\3\7\2\5\0\3\x0b\0\1"
    assert_as_pillow(ops, bmp(8, 1, 4, b"", palette, runs8))
    runs4 = b"\6\x23\0\0" + b"\0\6\x12\x34\x56\0\0\0" + b"\6\x7f\0\0" + b"\4\x9a\2\x11\0\1"
    assert_as_pillow(ops, bmp(4, 2, 4, b"", palette, runs4))


def test_ppms_in_words_and_with_other_maxima(ops):
    assert_as_pillow(ops, b"P1\n# a comment\n3 2\n0 1 0\n110\n")
    assert_as_pillow(ops, b"P2 3 2 15\n0 3 7 # here\n 15 1 2\n")
    assert_as_pillow(ops, b"P3\n2 1\n255\n1 2 3\n254 255 0\n")
    for most in (1, 2, 10, 15, 100, 254):
        assert_as_pillow(ops, b"P5 %d 1 %d\n" % (most + 1, most) + bytes(range(most + 1)))
    assert_as_pillow(ops, b"P6 2 1 1000\n" + struct.pack(">6H", 0, 1, 500, 777, 999, 1000))
    assert np.array_equal(read(ops, b"P5 3 1 65535\n" + struct.pack(">3H", 0, 0x8080, 65535))[0, :, 0], (0, 128, 255))


@pytest.mark.parametrize("data, message", [
    (b"\0\0\0\x18ftypheic....", "HEIC, expected a JPEG, PNG"), (b"\0\0\0\x18ftypavif....", "AVIF"),
    (b"<svg xmlns=", "SVG"), (b"8BPS\0\1", "PSD"), (b"<!DOCTYPE html>", "a web page"), (b"", "an empty file"),
    (b"hello", "it begins with 68 65 6c 6c")], ids=str)
def test_unsupported_files_are_named(ops, data, message):
    with pytest.raises(RuntimeError, match=message):
        read(ops, data)


@pytest.mark.parametrize("data", [
    png((60000, 60000, 8, 2), b""), b"P6 60000 60000 255\n", b"GIF89a" + struct.pack("<HHBBB", 60000, 60000, 0, 0, 0) +
    b"," + struct.pack("<HHHHB", 0, 0, 60000, 60000, 0) + b"\2",
    b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0),
    b"II*\0\x08\0\0\0" + struct.pack("<H", 6) + b"".join(
        struct.pack("<HHII", *tag) for tag in ((256, 4, 1, 60000), (257, 4, 1, 60000), (258, 3, 1, 8), (262, 3, 1, 1),
                                               (273, 4, 1, 8), (279, 4, 1, 9))) + b"\0\0\0\0"],
    ids=["png", "ppm", "gif", "bmp", "tiff"])
def test_huge_claims_are_refused_by_their_size(ops, data):
    with pytest.raises(RuntimeError, match="60000 x 60000 pixels, at most"):
        read(ops, data)
