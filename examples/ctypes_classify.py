# SPDX-License-Identifier: MIT
"""What class is a picture? Needs only libspikemix.so: python3 ctypes_classify.py model.safetensors picture.ppm"""
import ctypes
import math
import sys

lib = ctypes.CDLL("libspikemix.so.0")  # where it was installed; LD_LIBRARY_PATH adds other places
lib.spikemix_load.restype = lib.spikemix_session_new.restype = ctypes.c_void_p
lib.spikemix_last_error.restype = lib.spikemix_class_name.restype = ctypes.c_char_p
lib.spikemix_input_size.restype = lib.spikemix_classes.restype = ctypes.c_int64
model = ctypes.c_void_p(lib.spikemix_load(sys.argv[1].encode(), None))
if not model:
    sys.exit(lib.spikemix_last_error().decode())
ppm = open(sys.argv[2], "rb").read()  # a binary PPM without comments: P6 width height 255, then its pixels
width, height = map(int, ppm.split(maxsplit=3)[1:3])
pixels = ppm[-3 * width * height:]
inputs = (ctypes.c_float * lib.spikemix_input_size(model))()
logits = (ctypes.c_float * lib.spikemix_classes(model))()
session = ctypes.c_void_p(lib.spikemix_session_new(model, 1, 0))
if (lib.spikemix_image_to_input(model, pixels, ctypes.c_int64(height), ctypes.c_int64(width), inputs)
        or lib.spikemix_infer(session, ctypes.c_int64(1), inputs, logits)):
    sys.exit(lib.spikemix_last_error().decode())
total = sum(math.exp(logit - max(logits)) for logit in logits)
for label in sorted(range(len(logits)), key=lambda label: -logits[label])[:3]:
    name = lib.spikemix_class_name(model, ctypes.c_int64(label)) or b"class %d" % label
    print(f"{100 * math.exp(logits[label] - max(logits)) / total:6.2f} % {name.decode()}")
