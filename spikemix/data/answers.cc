// SPDX-License-Identifier: MIT
#include "spikemix/data/answers.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/hash.h"
#include "spikemix/base/json.h"
#include "spikemix/data/facts.h"
#include "spikemix/formats/safetensors.h"

namespace spikemix {
namespace {

std::vector<int32_t> classes_in(const SafeTensors& file, const char* name, const std::string& where) {
  const TensorView* tensor = file.find(name);
  if (!tensor || tensor->shape.size() != 1 || (tensor->dtype != DType::U8 && tensor->dtype != DType::I32))
    throw input_error("{}: no tensor '{}' of one size, U8 or I32: not a file of answers?", where, name);
  std::vector<int32_t> classes(size_t(tensor->shape[0]));
  for (size_t i = 0; i < classes.size(); ++i) {
    if (tensor->dtype == DType::U8)
      classes[i] = std::to_integer<int32_t>(tensor->data[i]);
    else
      std::memcpy(&classes[i], tensor->data.data() + 4 * i, 4);
  }
  return classes;
}

}  // namespace

double Answers::top1() const {
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) right += labels[i] == answers[i];
  return 100 * double(right) / double(labels.size());
}

Answers answers_on(const Dataset& data, std::vector<int32_t> answers, int64_t epoch, std::string made_by) {
  std::string images;
  for (const Fact& fact : facts_of_contents(data, "test")) images += (images.empty() ? "" : " ") + fact.value;
  Answers made{.labels = {},
               .answers = std::move(answers),
               .images = std::move(images),
               .epoch = epoch,
               .made_by = std::move(made_by)};
  for (int64_t i = 0; i < data.size(); ++i) made.labels.push_back(int32_t(data.label(i)));
  return made;
}

void write_answers(const std::filesystem::path& file, const Answers& answers) {
  const auto fits = [](int32_t c) { return c <= UINT8_MAX; };
  const bool bytes = std::ranges::all_of(answers.labels, fits) && std::ranges::all_of(answers.answers, fits);
  std::vector<std::vector<uint8_t>> narrow;
  std::vector<NamedTensor> tensors;
  for (const auto& [name, classes] : {std::pair{"label", &answers.labels}, {"answer", &answers.answers}}) {
    narrow.emplace_back(classes->begin(), classes->end());
    const auto data = bytes ? std::as_bytes(std::span(narrow.back())) : std::as_bytes(std::span(*classes));
    tensors.push_back({name, {bytes ? DType::U8 : DType::I32, {int64_t(classes->size())}, data}});
  }
  const nlohmann::json facts = {{"images", answers.images}, {"epoch", answers.epoch}, {"made_by", answers.made_by}};
  write_safetensors(file, tensors, {{"spikemix", json_text(facts)}});
}

Answers read_answers(const std::filesystem::path& path) {
  const std::string where = path.string();
  const SafeTensors file = SafeTensors::open(path);
  Answers answers{.labels = classes_in(file, "label", where),
                  .answers = classes_in(file, "answer", where),
                  .images = {},
                  .epoch = -1,
                  .made_by = {}};
  if (answers.labels.size() != answers.answers.size() || answers.labels.empty())
    throw input_error("{}: {} labels and {} answers", where, answers.labels.size(), answers.answers.size());
  const auto text = file.metadata().find("spikemix");
  if (text == file.metadata().end()) throw input_error("{}: does not say which images these are", where);
  try {
    const nlohmann::json facts = parse_json(text->second, where + ":");
    answers.images = facts.at("images"), answers.epoch = facts.at("epoch"), answers.made_by = facts.at("made_by");
  } catch (const nlohmann::json::exception&) {
    throw input_error("{}: does not say which images these are", where);
  }
  Hash labels;
  for (const int32_t label : answers.labels) labels.add(int64_t(label));
  if (!answers.images.starts_with(fmt::format("{} {} ", answers.labels.size(), labels.text())))
    throw input_error("{}: its labels do not match their hash: damaged?", where);
  return answers;
}

}  // namespace spikemix
