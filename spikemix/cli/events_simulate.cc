// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/talk.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/decode.h"
#include "spikemix/events/formats/text_header.h"
#include "spikemix/events/simulate.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

struct EventsSimulateOptions {
  SimulatorOptions simulator;
  std::string in, out, size = "128x128", format = "auto";
  int64_t limit = 0;
  int threads = 0;
};

Intensity to_intensity(const Image& image) {
  return intensity_of(image.pixels, image.height, image.width, image.channels);
}

void write(const fs::path& file, SensorSize sensor, std::span<const Event> events) {
  const auto writer = create_recording(file, sensor);
  writer->write(events);
  writer->close();
}

// Calls work(i) for 0 .. n - 1 on several threads; the first error ends it.
void parallel(int64_t n, int threads, const std::function<void(int64_t)>& work) {
  std::atomic<int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  std::vector<std::jthread> crew;
  for (int k = 0; k < threads; ++k) {
    crew.emplace_back([&] {
      try {
        for (int64_t i = next++; i < n; i = next++) work(i);
      } catch (...) {
        next = n;
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    });
  }
  crew.clear();  // joins the threads
  if (failure) std::rethrow_exception(failure);
}

// Null if the data set has no such split.
std::unique_ptr<Dataset> open_split(const EventsSimulateOptions& o, Split split) {
  try {
    return open_dataset(o.in, split, o.format);
  } catch (const MissingSplit&) {
    return nullptr;
  }
}

// An earlier simulation, so that no recording of it is left among the new ones, and no folder of a class.
void remove_earlier(const std::string& out, const std::vector<fs::path>& files) {
  if (files.empty()) return;
  say("{}: {} files of an earlier simulation are replaced", out, files.size());
  std::error_code error;
  for (const fs::path& file : files) {
    fs::remove(file, error);
    if (error) throw_file_error(file.string(), error.value());
  }
  for (const char* split : {"train", "test"}) {
    std::vector<fs::path> classes;
    for (const auto& entry : fs::directory_iterator(fs::path(out) / split, error)) classes.push_back(entry.path());
    for (const fs::path& folder : classes) fs::remove(folder, error);
    fs::remove(fs::path(out) / split, error);
  }
}

// OUT/SPLIT/CLASS/000017.aedat for each picture of a split, if there is one. @return how many
int64_t simulate_split(const EventsSimulateOptions& o, const EventSimulator& simulator, Split split,
                       const Dataset* data, std::atomic<int64_t>& events) {
  if (!data) return 0;
  const fs::path root = fs::path(o.out) / (split == Split::kTrain ? "train" : "test");
  for (std::string name : data->classes()) {
    std::ranges::replace(name, '/', '_');  // Fashion-MNIST's T-shirt/top
    fs::create_directories(root / name);
  }
  const int64_t n = o.limit > 0 ? std::min(o.limit, data->size()) : data->size();
  const uint64_t first = split == Split::kTrain ? 0 : uint64_t(1) << 40;  // different noise for the test pictures
  parallel(n, o.threads, [&](int64_t i) {
    // With a limit, pictures are taken from the whole split, because its order may be by class.
    const int64_t picture = i * data->size() / n;
    std::string name = data->classes()[size_t(data->label(picture))];
    std::ranges::replace(name, '/', '_');
    const auto recording = simulator.simulate(to_intensity(data->image(picture)), first + uint64_t(picture));
    write(root / name / fmt::format("{:06}.aedat", picture), o.simulator.sensor, recording);
    events += int64_t(recording.size());
  });
  return n;
}

void run(EventsSimulateOptions o) {
  const auto size = parse_size(o.size);
  if (!size) throw input_error("--size {}: expected WIDTHxHEIGHT, for example 128x128", o.size);
  o.simulator.sensor = {size->first, size->second};
  if (o.threads <= 0) o.threads = int(std::max(1u, std::thread::hardware_concurrency()));
  const EventSimulator simulator(o.simulator);
  std::error_code error;
  if (is_picture_name(o.in) && !fs::is_directory(o.in, error)) {
    check_outputs({{"OUT", o.out, OutputKind::kRecording}}, {o.in});
    const auto events = simulator.simulate(to_intensity(read_image(o.in)), 0);
    write(o.out, o.simulator.sensor, events);
    report("{}: {} events\n", o.out, events.size());
    return;
  }
  const std::vector<fs::path> earlier = check_output_folder("OUT", o.out, o.in);
  const auto train_data = open_split(o, Split::kTrain), test_data = open_split(o, Split::kTest);
  if (!train_data && !test_data) throw input_error("{}: neither training nor test pictures in it", o.in);
  remove_earlier(o.out, earlier);
  fs::create_directories(o.out);
  write_file_atomically(fs::path(o.out) / kSimulationMark, "");
  std::atomic<int64_t> events = 0;
  const int64_t train = simulate_split(o, simulator, Split::kTrain, train_data.get(), events);
  const int64_t test = simulate_split(o, simulator, Split::kTest, test_data.get(), events);
  report("{}: {} training and {} test recordings, {:.0f} events each\n", o.out, train, test,
         double(events) / double(std::max<int64_t>(1, train + test)));
}

}  // namespace

void add_events_simulate(CLI::App& events) {
  auto o = std::make_shared<EventsSimulateOptions>();
  auto* command =
      events.add_subcommand("simulate", "make recordings of pictures that move in front of a simulated event camera");
  command->footer(R"(Examples:
  spikemix events simulate cat.jpg cat.aedat
  spikemix events simulate pictures recordings --limit 100 --size 64x64)");
  command->add_option("IN", o->in, "a picture, or a data set of pictures (`spikemix data formats`)")->required();
  command->add_option("OUT", o->out, "file to write, its ending says the format; or folder: train/CLASS/000000.aedat")
      ->required();
  command->add_option("--format", o->format, "format of the data set");
  command->add_option("--limit", o->limit, "pictures of each split (0: all)")->check(CLI::NonNegativeNumber);
  command->add_option("--threads", o->threads, "0: one for each core");
  SimulatorOptions& s = o->simulator;
  command->add_option("--size", o->size, "WIDTHxHEIGHT of the sensor");
  command->add_option("--duration", s.duration_ms, "ms of a recording")->capture_default_str();
  command->add_option("--loops", s.loops, "times along the closed path")->capture_default_str();
  command->add_option("--amplitude", s.amplitude, "pixels from its middle to its corners")->capture_default_str();
  command->add_option("--on-threshold", s.on_threshold, "log intensity that makes an event")->capture_default_str();
  command->add_option("--off-threshold", s.off_threshold, "the same, downwards")->capture_default_str();
  command->add_option("--mismatch", s.mismatch, "deviation of the thresholds among pixels")->capture_default_str();
  command->add_option("--refractory", s.refractory_us, "us after an event in which its pixel makes no other")
      ->capture_default_str();
  command->add_option("--background", s.background_hz, "noise events for each pixel and second")->capture_default_str();
  command->add_option("--leak", s.leak_hz, "ON events for each pixel and second from leakage")->capture_default_str();
  command->add_option("--dark", s.dark, "intensity (0 to 1) added before the logarithm")->capture_default_str();
  command->add_option("--seed", s.seed, "seed of thresholds and noise")->capture_default_str();
  command->callback([o] { run(*o); });
}

}  // namespace spikemix
