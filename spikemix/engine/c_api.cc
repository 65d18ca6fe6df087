// SPDX-License-Identifier: MIT
#include "spikemix/engine/c_api.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/text.h"
#include "spikemix/base/version.h"
#include "spikemix/engine/image_input.h"
#include "spikemix/engine/session.h"

struct spikemix_model {
  std::shared_ptr<const spikemix::Network> network;
};
struct spikemix_session {
  spikemix::Session session;
  bool streaming;
};

namespace {

using spikemix::Fault;
using spikemix::fault_of;
using spikemix::input_error;
using spikemix::printable;

// Arrays, so that even "out of memory" can be reported.
thread_local char last_error[1024] = "";
thread_local int last_status = SPIKEMIX_OK;

int fail(int status, std::string_view text) noexcept {
  size_t length = std::min(text.size(), sizeof(last_error) - 1);
  while (length < text.size() && length > 0 && (text[length] & 0xc0) == 0x80) --length;  // never half a character
  text.copy(last_error, length);
  last_error[length] = '\0';
  return last_status = status;
}

// A name in a file may hold a line break; the error is one line.
int fail(const std::exception& error) noexcept {
  try {
    const Fault fault = fault_of(error);
    return fail(fault.of == Fault::Of::kInput ? SPIKEMIX_BAD_INPUT : SPIKEMIX_FAILED, printable(fault.text));
  } catch (...) {
    return fail(SPIKEMIX_FAILED, "out of memory");
  }
}

template <class Body>
int guarded(const Body& body) noexcept {
  try {
    body();
    return SPIKEMIX_OK;
  } catch (const std::bad_alloc&) {
    return fail(SPIKEMIX_FAILED, "out of memory");
  } catch (const std::exception& error) {
    return fail(error);
  } catch (...) {
    return fail(SPIKEMIX_FAILED, "unknown error");
  }
}

template <class T>
T& the(T* pointer, const char* name) {
  if (!pointer) throw input_error("{} is NULL", name);
  return *pointer;
}

spikemix::Precision precision_of(const char* name) {
  return name ? spikemix::parse_precision(name) : spikemix::Precision::kFp32;
}

const spikemix::ModelConfig& config(const spikemix_model& model) { return model.network->card.model; }

// A property of a model; 0 (and an error) for NULL.
template <class Value>
auto query(const spikemix_model* model, const Value& value) noexcept {
  if (model) return value(*model);
  fail(SPIKEMIX_BAD_INPUT, "model is NULL");
  return decltype(value(*model)){};
}

}  // namespace

extern "C" {

const char* spikemix_version(void) { return spikemix::kVersion; }
const char* spikemix_last_error(void) { return last_error; }
int spikemix_last_status(void) { return last_status; }

spikemix_model* spikemix_load(const char* path, const char* precision) {
  spikemix_model* model = nullptr;
  guarded([&] {
    the(path, "path");
    model = new spikemix_model{spikemix::load_network(path, precision_of(precision))};
  });
  return model;
}

spikemix_model* spikemix_load_memory(const void* bytes, size_t size, const char* precision) {
  spikemix_model* model = nullptr;
  guarded([&] {
    const auto& first = the(static_cast<const std::byte*>(bytes), "bytes");
    model = new spikemix_model{
        spikemix::load_network(std::span(&first, size), "the model in memory", precision_of(precision))};
  });
  return model;
}

void spikemix_model_free(spikemix_model* model) { delete model; }

int64_t spikemix_classes(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return config(m).classes; });
}
int64_t spikemix_channels(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return config(m).channels; });
}
int64_t spikemix_height(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return config(m).height; });
}
int64_t spikemix_width(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return config(m).width; });
}
int64_t spikemix_time_steps(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return config(m).T; });
}
int spikemix_is_events(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return int(config(m).input == "events"); });
}
int64_t spikemix_step_input_size(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return config(m).channels * config(m).height * config(m).width; });
}
int64_t spikemix_input_size(const spikemix_model* model) {
  const int64_t steps = spikemix_is_events(model) ? spikemix_time_steps(model) : 1;
  return steps * spikemix_step_input_size(model);
}

const char* spikemix_class_name(const spikemix_model* model, int64_t index) {
  return query(model, [&](const spikemix_model& m) -> const char* {
    const auto& names = m.network->card.classes;
    return index >= 0 && index < int64_t(names.size()) ? names[size_t(index)].c_str() : nullptr;
  });
}
const char* spikemix_precision(const spikemix_model* model) {
  return query(model, [](const spikemix_model& m) { return spikemix::name_of(m.network->precision); });
}

int spikemix_image_to_input(const spikemix_model* model, const uint8_t* pixels, int64_t height, int64_t width,
                            float* input) {
  return guarded([&] {
    const spikemix::ModelCard& card = the(model, "model").network->card;
    spikemix::image_to_input(card, &the(pixels, "pixels"), height, width, &the(input, "input"));
  });
}

spikemix_session* spikemix_session_new(const spikemix_model* model, int threads, int streaming) {
  spikemix_session* session = nullptr;
  guarded([&] {
    const spikemix::SessionOptions options{.threads = threads, .streaming = streaming != 0};
    session = new spikemix_session{spikemix::Session(the(model, "model").network, options), streaming != 0};
  });
  return session;
}

void spikemix_session_free(spikemix_session* session) { delete session; }

int spikemix_infer(spikemix_session* session, int64_t images, const float* inputs, float* logits) {
  return guarded([&] {
    spikemix::Session& s = the(session, "session").session;
    if (images < 0) throw input_error("images = {}: expected 0 or more", images);
    if (images == 0) return;
    s.infer(images, &the(inputs, "inputs"), &the(logits, "logits"));
  });
}

int spikemix_step(spikemix_session* session, const float* input, float* logits) {
  return guarded([&] {
    if (!the(session, "session").streaming)
      throw input_error("the session does not stream: make it with spikemix_session_new(model, threads, 1)");
    session->session.step(&the(input, "input"), &the(logits, "logits"));
  });
}

int64_t spikemix_steps(const spikemix_session* session) { return session ? session->session.steps() : 0; }

int spikemix_reset(spikemix_session* session) {
  return guarded([&] { the(session, "session").session.reset(); });
}

}  // extern "C"
