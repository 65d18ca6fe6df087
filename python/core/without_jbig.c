/* SPDX-License-Identifier: MIT */
/* What libtiff calls to decode JBIG, a code for fax pages. JBIG-KIT is under the GPL, which would then count for the
 * whole wheel; defined here, it is not taken from the archives. */
#include <tiffio.h>

int TIFFInitJBIG(TIFF *tiff, int scheme) __attribute__((visibility("hidden")));
int TIFFInitJBIG(TIFF *tiff, int scheme) {
  (void)scheme;
  TIFFErrorExtR(tiff, "JBIG", "JBIG compression is not in this build");
  return 0;
}
