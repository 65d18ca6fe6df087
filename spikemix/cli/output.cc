// SPDX-License-Identifier: MIT
#include "spikemix/cli/output.h"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string_view>

#include <unistd.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/data/answers.h"
#include "spikemix/events/formats/readers.h"
#include "spikemix/events/png.h"
#include "spikemix/events/reader.h"
#include "spikemix/events/render.h"
#include "spikemix/formats/model_card_json.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/report/chart.h"
#include "spikemix/report/page.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

std::string beginning_of(const fs::path& file) {
  std::string text(4096, '\0');
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw input_error("{}: the file exists and cannot be read; name another one", file.string());
  stream.read(text.data(), std::streamsize(text.size()));
  text.resize(size_t(stream.gcount()));
  return text;
}

// Is it there and read without complaint?
template <class Read>
bool reads(const Read& read) {
  try {
    return read();
  } catch (const InputError&) {
    return false;
  }
}

bool holds_answers(const fs::path& file) {
  if (reads([&] { return !read_answers(file).labels.empty(); })) return true;
  // A damaged file of them can be written again: its name says what it was.
  return file.filename() == kAnswersFile && !reads([&] { return !SafeTensors::open(file).names().empty(); });
}

bool has_integer_weights(const fs::path& file) {
  const SafeTensors tensors = SafeTensors::open(file);
  return std::ranges::any_of(tensors.names(), [&](const std::string& name) {
    const DType type = tensors.find(name)->dtype;
    return type == DType::I8 || type == DType::I16;
  });
}

bool holds_integer_model(const fs::path& file) {
  return reads([&] { return has_integer_weights(file) && !read_model_card(file).name.empty(); });
}

bool holds_imported_model(const fs::path& file) {
  return reads([&] { return !has_integer_weights(file) && training_of(read_model_card(file)).contains("imported"); });
}

bool holds_recording(const fs::path& file) {
  return reads([&] { return open_recording(file).format->create != nullptr; });
}

// What the kind is called, and whether the file at output.file is of it.
struct Known {
  const char* name;
  bool it_is;
};

Known known(const OutputFile& output) {
  const fs::path file = output.file;
  switch (output.kind) {
    case OutputKind::kPage:
      return {"page of `spikemix report`", reports::is_page(beginning_of(file))};
    case OutputKind::kPlot:
      return {"plot of spikemix", reports::is_svg_document(beginning_of(file))};
    case OutputKind::kPicture:
      return {"picture of spikemix", is_png_of_ours(beginning_of(file))};
    case OutputKind::kTable:
      return {"table of this command", beginning_of(file).starts_with(output.heading)};
    case OutputKind::kAnswers:
      return {"answers", holds_answers(file)};
    case OutputKind::kIntegerModel:
      return {"exported model", holds_integer_model(file)};
    case OutputKind::kImportedModel:
      return {"imported model", holds_imported_model(file)};
    case OutputKind::kRecording:
      return {"recording of a format that is written", holds_recording(file)};
  }
  return {"", false};
}

void check_name(const OutputFile& output) {
  if (output.file == "-")
    throw input_error("{} -: expected a file name; it cannot be written to standard output", output.flag);
  switch (output.kind) {
    case OutputKind::kPicture:
      return check_picture_name(output.file);
    case OutputKind::kIntegerModel:
    case OutputKind::kImportedModel:
      return check_model_name(output.file);
    case OutputKind::kRecording:
      return check_recording_name(output.file);
    case OutputKind::kPage:
    case OutputKind::kPlot:
    case OutputKind::kTable:
    case OutputKind::kAnswers:
      return;
  }
}

// The files that an input names: of a run folder, or of one in the Hugging Face layout, its models. What else is in a
// folder is of other kinds than outputs.
std::vector<fs::path> files_of(const std::string& input) {
  std::error_code none;
  if (input.empty() || input == "-") return {};
  if (!fs::is_directory(input, none)) return {input};
  const fs::path folder = input;
  return {folder / "best" / "model.safetensors", folder / "last" / "model.safetensors", folder / "model.safetensors",
          folder / "pytorch_model.bin"};
}

// Of what need not be there.
fs::path place_of(const fs::path& path) { return fs::weakly_canonical(fs::absolute(path)); }

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code none;
  return fs::equivalent(a, b, none);
}

void check(const OutputFile& output, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    for (const fs::path& read : files_of(input)) {
      if (same_file(output.file, read))
        throw input_error("{} {}: is {}, which this command reads; name another file", output.flag, output.file,
                          read.string());
      if (same_file(partial_name(output.file), read))
        throw input_error("{} {}: it is written to {} first, which this command reads; name another file", output.flag,
                          output.file, read.string());
    }
  }
  std::error_code none;
  if (fs::is_regular_file(output.file, none) && fs::file_size(output.file, none) > 0) {
    if (const Known file = known(output); !file.it_is)
      throw input_error("{} {}: the file exists and holds no {}; name another one", output.flag, output.file,
                        file.name);
  }
  const AtomicFile can_be_written(output.file);
}

}  // namespace

void check_outputs(const std::vector<OutputFile>& outputs, const std::vector<std::string>& inputs) {
  for (auto output = outputs.begin(); output != outputs.end(); ++output) {
    if (output->file.empty()) continue;
    check_name(*output);
    check(*output, inputs);
    const auto twin = std::find_if(outputs.begin(), output, [&](const OutputFile& other) {
      return !other.file.empty() &&
             (same_file(other.file, output->file) || place_of(other.file) == place_of(output->file));
    });
    if (twin != output)
      throw input_error("{} and {}: both name {}, expected two files", twin->flag, output->flag, output->file);
  }
}

namespace {

// train/CLASS/000017.aedat, and the folders around it; its partial_name(): of a simulation that was stopped.
bool is_simulated(const fs::path& folder, const fs::path& inside) {
  const std::vector<fs::path> parts(inside.begin(), inside.end());
  if (parts.empty() || parts.size() > 3 || (parts[0] != "train" && parts[0] != "test")) return false;
  std::error_code none;
  const fs::file_status status = fs::symlink_status(folder / inside, none);  // a link is somebody's own
  if (parts.size() < 3) return fs::is_directory(status);
  const std::string name = parts[2].string();
  constexpr const char* kDigits = "0123456789";
  const size_t first = std::min(name.find_first_of(kDigits), name.size());
  const size_t digits = std::min(name.find_first_not_of(kDigits, first), name.size()) - first;
  if (digits < 6 || !fs::is_regular_file(status)) return false;
  const std::string file = name.substr(first, digits) + ".aedat";
  return name == partial_name(file) || (name == file && is_aedat3_of_ours(beginning_of(folder / inside)));
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

void check_no_run_around(const std::string& flag, const std::string& folder) {
  if (const fs::path run = run_folder_around(place_of(folder).parent_path()); !run.empty())
    throw input_error("{} {}: belongs to the run {}; name a folder elsewhere", flag, folder, run.string());
}

}  // namespace

std::vector<fs::path> check_output_folder(const std::string& flag, const std::string& folder,
                                          const std::string& input) {
  std::error_code none;
  if (fs::exists(folder, none) && !fs::is_directory(folder, none))
    throw input_error("{} {}: is a file, expected a new folder", flag, folder);
  fs::path there = place_of(folder);
  const fs::path read = place_of(input);
  if (is_inside(there, read) || is_inside(read, there))
    throw input_error("{} {}: overlaps with {}, which this command reads; name another folder", flag, folder, input);
  check_no_run_around(flag, folder);
  std::vector<fs::path> earlier;
  // Without the mark, files of the same names and kind are somebody's own.
  const bool marked = fs::exists(there / kSimulationMark, none);
  fs::recursive_directory_iterator entry(there, none);
  for (const fs::recursive_directory_iterator end; !none && entry != end; entry.increment(none)) {
    const fs::path inside = entry->path().lexically_relative(there);
    if (inside == kSimulationMark) continue;
    if (!marked || !is_simulated(there, inside))
      throw input_error("{} {}: holds {}, which no earlier simulation wrote; name a new folder", flag, folder,
                        inside.string());
    if (!entry->is_directory(none)) earlier.push_back(entry->path());
  }
  if (none && none != std::errc::no_such_file_or_directory)
    throw_file_error(fmt::format("{} {}", flag, folder), none.value());
  while (!fs::exists(there, none) && there.has_parent_path()) there = there.parent_path();
  if (::access(there.c_str(), W_OK | X_OK) != 0) throw_file_error(fmt::format("{} {}", flag, folder), errno);
  return earlier;
}

void check_run_folder(const std::string& folder, const std::string& data, const char* other) {
  if (!data.empty() && place_of(folder) == place_of(data))
    throw input_error("--out {}: is the data set; name another folder", folder);
  if (std::error_code none; fs::exists(fs::path(folder) / other, none))
    throw input_error("--out {}: holds a {} already ({}); name another folder", folder,
                      std::string_view(other) == "sweep.json" ? "sweep" : "run", other);
  check_no_run_around("--out", folder);
}

}  // namespace spikemix
