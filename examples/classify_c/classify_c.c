/* SPDX-License-Identifier: MIT */
/* What class is a picture? The C twin of ../classify: a trained model on a binary PPM of the model's size.
 *
 *   classify_c models/cifar10-cpu.safetensors cat.ppm
 *
 * With CMake: see CMakeLists.txt next to this file. Without:
 *
 *   cc -std=c99 -O2 classify_c.c $(pkg-config --cflags --libs spikemix-engine) -o classify_c
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <spikemix/engine/c_api.h>

/* The next number of a PPM's header, after white space and comments; -1 if there is none. */
static long next_number(FILE *file) {
  long value = -1;
  int c = fgetc(file);
  while (isspace(c) || c == '#') {
    if (c == '#') {
      while (c != '\n' && c != EOF) c = fgetc(file);
    }
    c = fgetc(file);
  }
  while (isdigit(c) && value < 100000) {
    value = (value < 0 ? 0 : 10 * value) + (c - '0');
    c = fgetc(file);
  }
  /* c is the single white space that ends a number. */
  return isspace(c) ? value : -1;
}

/* The pixels of a binary PPM of this size, [height, width, 3]; NULL, and the reason on stderr, if it is not one. */
static uint8_t *read_ppm(const char *path, int64_t height, int64_t width) {
  const size_t size = (size_t)(height * width * 3);
  uint8_t *pixels = malloc(size);
  FILE *file = fopen(path, "rb");
  const char *problem = NULL;
  if (!file || !pixels) {
    problem = "cannot be read";
  } else if (fgetc(file) != 'P' || fgetc(file) != '6') {
    problem = "not a binary PPM (P6)";
  } else if (next_number(file) != width || next_number(file) != height || next_number(file) != 255) {
    problem = "not of the model's size, or not 8 bits a channel";
  } else if (fread(pixels, 1, size, file) != size) {
    problem = "ends before its last pixel";
  }
  if (file) fclose(file);
  if (!problem) return pixels;
  fprintf(stderr, "classify_c: %s: %s\n", path, problem);
  free(pixels);
  return NULL;
}

/* The three likeliest classes. */
static void print_answer(const spikemix_model *model, float *logits) {
  const int64_t classes = spikemix_classes(model);
  float largest = logits[0];
  double sum = 0;
  int64_t c;
  int shown;
  for (c = 1; c < classes; ++c) largest = logits[c] > largest ? logits[c] : largest;
  for (c = 0; c < classes; ++c) sum += exp(logits[c] - largest);
  for (shown = 0; shown < 3 && shown < classes; ++shown) {
    int64_t best = 0;
    for (c = 1; c < classes; ++c) best = logits[c] > logits[best] ? c : best;
    printf("%6.2f %%  ", 100 * exp(logits[best] - largest) / sum);
    if (spikemix_class_name(model, best)) {
      printf("%s\n", spikemix_class_name(model, best));
    } else {
      printf("%ld\n", (long)best);
    }
    logits[best] = -HUGE_VALF;
  }
}

static int classify(const char *model_path, const char *image) {
  int status = SPIKEMIX_BAD_INPUT;
  uint8_t *pixels = NULL;
  float *input = NULL, *logits = NULL;
  /* NULL: fp32 for trained weights; an exported file sets its own precision. */
  spikemix_model *model = spikemix_load(model_path, NULL);
  spikemix_session *session = model ? spikemix_session_new(model, 1, 0) : NULL;
  if (!session) {
    fprintf(stderr, "classify_c: %s\n", spikemix_last_error());
    status = spikemix_last_status();
  } else if (spikemix_channels(model) != 3) {
    fprintf(stderr, "classify_c: %s: does not take RGB images\n", model_path);
  } else if ((pixels = read_ppm(image, spikemix_height(model), spikemix_width(model))) != NULL) {
    input = malloc(sizeof(float) * (size_t)spikemix_input_size(model));
    logits = malloc(sizeof(float) * (size_t)spikemix_classes(model));
    status = SPIKEMIX_FAILED;
    if (input && logits) {
      status = spikemix_image_to_input(model, pixels, spikemix_height(model), spikemix_width(model), input);
      if (status == SPIKEMIX_OK) status = spikemix_infer(session, 1, input, logits);
      if (status != SPIKEMIX_OK) fprintf(stderr, "classify_c: %s\n", spikemix_last_error());
    }
    if (status == SPIKEMIX_OK) print_answer(model, logits);
  }
  free(logits);
  free(input);
  free(pixels);
  spikemix_session_free(session);
  spikemix_model_free(model);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: classify_c MODEL.safetensors IMAGE.ppm\n");
    return SPIKEMIX_BAD_INPUT;
  }
  return classify(argv[1], argv[2]);
}
