/* SPDX-License-Identifier: MIT */
/* The header as a C99 program sees it; c_api_test.cc calls this. Returns the likeliest class, or -1 with the reason in
 * spikemix_last_error(). */
#include "spikemix/engine/c_api.h"

#include <stdlib.h>

int64_t spikemix_c99_classify(const char *path, const uint8_t *pixels);

int64_t spikemix_c99_classify(const char *path, const uint8_t *pixels) {
  int64_t best = -1, c;
  spikemix_model *model = spikemix_load(path, NULL);
  spikemix_session *session = spikemix_session_new(model, 1, 0);
  const int64_t classes = spikemix_classes(model);
  float *input = malloc(sizeof(float) * (size_t)(spikemix_input_size(model) + 1));
  float *logits = malloc(sizeof(float) * (size_t)(classes + 1));
  if (session && input && logits &&
      spikemix_image_to_input(model, pixels, spikemix_height(model), spikemix_width(model), input) == SPIKEMIX_OK &&
      spikemix_infer(session, 1, input, logits) == SPIKEMIX_OK) {
    best = 0;
    for (c = 1; c < classes; ++c) {
      if (logits[c] > logits[best]) best = c;
    }
  }
  free(logits);
  free(input);
  spikemix_session_free(session);
  spikemix_model_free(model);
  return best;
}
