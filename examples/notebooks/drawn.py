# SPDX-License-Identifier: MIT
"""Six small drawings of things that CIFAR-10 has photos of, so that the notebooks need no data."""
import pathlib

import numpy as np

rows, columns = np.mgrid[0:32, 0:32]


def pictures():
    """{what it shows: uint8 [32, 32, 3]}"""
    drawn = {"airplane": airplane(), "automobile": automobile(), "deer": deer(), "frog": frog(), "ship": ship(),
             "truck": truck()}
    return {name: picture.astype(np.uint8) for name, picture in drawn.items()}


def folder(path):
    """Writes the drawings as test images in CIFAR-10's own format, path/test_batch.bin, and returns the path."""
    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    records = [bytes([classes.index(name)]) + picture.transpose(2, 0, 1).tobytes()
               for name, picture in pictures().items()]
    place = pathlib.Path(path)
    place.mkdir(parents=True, exist_ok=True)
    (place / "test_batch.bin").write_bytes(b"".join(records))
    return str(place)


def background(top, bottom, horizon=32, ground=(0, 0, 0)):
    share = rows[..., None] / 31
    picture = (1 - share) * np.array(top, float) + share * np.array(bottom, float)
    picture[horizon:] = ground
    return picture


def box(left, top, right, bottom):
    return (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)


def ellipse(x, y, a, b):
    return ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1


def airplane():
    picture = background((110, 160, 220), (190, 215, 240))
    picture[ellipse(16, 16, 13, 2.2)] = 235, 235, 240
    picture[(abs(columns - 16 - (rows - 16) * 0.5) < 2.5) & (abs(rows - 16) < 10)] = 210, 212, 220
    picture[(abs(columns - 5 - (rows - 13) * 0.3) < 1.5) & (abs(rows - 12) < 4)] = 200, 60, 60
    return picture


def automobile():
    picture = background((200, 205, 210), (170, 170, 165), 23, (95, 95, 95))
    picture[box(3, 15, 29, 23) | (ellipse(16, 15, 9, 6) & (rows < 16))] = 190, 30, 35
    picture[ellipse(16, 15, 7, 4.2) & (rows < 15)] = 60, 70, 85
    for x in (9, 23):
        picture[ellipse(x, 23, 3.6, 3.6)] = 25, 25, 25
        picture[ellipse(x, 23, 1.5, 1.5)] = 170, 170, 170
    return picture


def deer():
    picture = background((120, 150, 100), (110, 130, 70))
    picture[ellipse(16, 17, 8, 4) | box(22, 9, 25, 16) | ellipse(25, 9, 3, 2)] = 140, 95, 55
    for x in (10, 13, 20, 22):
        picture[box(x, 19, x + 1, 28)] = 120, 80, 50
    picture[box(22, 3, 23, 8) | box(25, 3, 26, 8)] = 90, 60, 40
    return picture


def frog():
    picture = background((120, 100, 70), (100, 85, 60))
    picture[ellipse(16, 20, 11, 7)] = 95, 135, 50
    picture[ellipse(16, 13, 8, 6)] = 105, 145, 55
    for x in (11, 21):
        picture[ellipse(x, 9, 3, 3)] = 130, 160, 70
        picture[ellipse(x, 9, 1.3, 1.3)] = 20, 20, 20
    return picture


def ship():
    picture = background((160, 190, 220), (190, 205, 220), 20, (45, 80, 120))
    picture[box(4, 17, 28, 22) & (columns - 2 >= rows - 17) & (30 - columns >= rows - 17)] = 40, 40, 50
    picture[box(9, 12, 22, 17)] = 230, 230, 230
    picture[box(17, 7, 20, 12)] = 200, 60, 40
    return picture


def truck():
    picture = background((170, 195, 225), (205, 210, 215), 24, (110, 108, 105))
    picture[box(2, 7, 21, 23)] = 225, 225, 220
    picture[box(21, 12, 29, 23)] = 200, 50, 40
    picture[box(24, 13, 28, 17)] = 70, 90, 110
    for x in (7, 15, 25):
        picture[ellipse(x, 24, 2.9, 2.9)] = 25, 25, 25
    return picture
