/* SPDX-License-Identifier: MIT */
#ifndef SPIKEMIX_ENGINE_C_API_H
#define SPIKEMIX_ENGINE_C_API_H

/* The engine for C and everything that calls C. C99; no C++ exception crosses it.
 *
 *   spikemix_model *model = spikemix_load("model.safetensors", NULL);
 *   spikemix_session *session = spikemix_session_new(model, 2, 0);
 *   float *input = malloc(sizeof(float) * spikemix_input_size(model));
 *   float *logits = malloc(sizeof(float) * spikemix_classes(model));
 *   spikemix_image_to_input(model, pixels, height, width, input);
 *   if (spikemix_infer(session, 1, input, logits) != SPIKEMIX_OK) puts(spikemix_last_error());
 *
 * A function that fails returns NULL, or a code other than SPIKEMIX_OK, and spikemix_last_error() says why. Functions
 * that succeed leave the last error as it is.
 *
 * Threads: a model is read-only; any number of threads and sessions may use it. A session is for one thread at a time.
 * The handles are opaque; what is declared here keeps its meaning within a minor version (0.1.x). */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spikemix_model spikemix_model;
typedef struct spikemix_session spikemix_session;

/* The program's exit codes. */
enum {
  SPIKEMIX_OK = 0,
  SPIKEMIX_FAILED = 1,   /* the machine: out of memory, no thread to be had */
  SPIKEMIX_BAD_INPUT = 2 /* the caller's file or argument */
};

/* "0.1.0" */
const char* spikemix_version(void);

/* The error of this thread's last failed call, in one line, or "" if none has failed; valid until the next failure. */
const char* spikemix_last_error(void);
/* Its code: SPIKEMIX_OK if none has failed. For functions that return a pointer. */
int spikemix_last_status(void);

/* --- models --------------------------------------------------------------------------------------------------------
 */

/* A model.safetensors, a run folder (its best model), or a file of `spikemix export`.
 * precision: "fp32", "int16" or "int8" for trained weights; NULL: fp32. Exported files say their own. */
spikemix_model* spikemix_load(const char* path, const char* precision);
/* The same from a file's bytes in memory, which may be freed once it returns. */
spikemix_model* spikemix_load_memory(const void* bytes, size_t size, const char* precision);
/* Sessions of the model keep working. NULL is fine. */
void spikemix_model_free(spikemix_model* model);

/* Each returns 0 for NULL. */
int64_t spikemix_classes(const spikemix_model* model);
int64_t spikemix_channels(const spikemix_model* model);
int64_t spikemix_height(const spikemix_model* model);
int64_t spikemix_width(const spikemix_model* model);
/* Time steps T. */
int64_t spikemix_time_steps(const spikemix_model* model);
/* 1: the input is T frames of events, [T, C, H, W]; 0: an image, [C, H, W], the same at each step. */
int spikemix_is_events(const spikemix_model* model);
/* Floats of one input of spikemix_infer(). */
int64_t spikemix_input_size(const spikemix_model* model);
/* Floats of one input of spikemix_step(): C x H x W. */
int64_t spikemix_step_input_size(const spikemix_model* model);
/* Name of a class, UTF-8; NULL if the index is out of range or the model's classes have no names. Valid as long as the
 * model exists. */
const char* spikemix_class_name(const spikemix_model* model, int64_t index);
/* The type of its weights: "fp32", "int16" or "int8". */
const char* spikemix_precision(const spikemix_model* model);

/* Turns an image into the model's input: (x / 255 - mean) / std of each channel, with the mean and std of its training.
 * pixels: [height, width, channels] bytes, rows without gaps: RGB for 3 channels, grey for 1. Must be of the model's
 * height and width. input: spikemix_input_size() floats. Refused for models of events. */
int spikemix_image_to_input(const spikemix_model* model, const uint8_t* pixels, int64_t height, int64_t width,
                            float* input);

/* --- sessions ------------------------------------------------------------------------------------------------------
 */

/* What one caller needs to run a model: its memory (nothing is allocated later) and its threads.
 * threads: 1 or more; the caller is one of them. streaming: not 0 if spikemix_step() will be called. */
spikemix_session* spikemix_session_new(const spikemix_model* model, int threads, int streaming);
/* NULL is fine. */
void spikemix_session_free(spikemix_session* session);

/* inputs: [images, input_size]; logits: [images, classes]. An input's logits have the same bits whatever the batch, the
 * threads and the session. */
int spikemix_infer(spikemix_session* session, int64_t images, const float* inputs, float* logits);

/* One time step of a streaming session: the image again, or the next frame of events; step_input_size floats. logits
 * [classes]: those of the steps so far; after T steps the bits of spikemix_infer(). */
int spikemix_step(spikemix_session* session, const float* input, float* logits);
/* Steps since the last reset; 0 for NULL. */
int64_t spikemix_steps(const spikemix_session* session);
/* Back to rest: the next step is the first. */
int spikemix_reset(spikemix_session* session);

#ifdef __cplusplus
}
#endif

#endif
