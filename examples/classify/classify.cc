// SPDX-License-Identifier: MIT
// What class is a picture? Runs a trained model on a binary PPM of the model's size, without LibTorch.
//
//   convert cat.jpg -resize '32x32!' cat.ppm         (ImageMagick)
//   classify models/cifar10-cpu.safetensors cat.ppm
//
// With CMake: see CMakeLists.txt next to this file. Without:
//
//   c++ -std=c++20 -O2 classify.cc $(pkg-config --cflags --libs spikemix-engine) -o classify
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <spikemix/base/exceptions.h>
#include <spikemix/engine/image_input.h>
#include <spikemix/engine/session.h>

namespace {

struct Picture {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // [height, width, 3]
};

// "P6 width height 255", separated by white space and comments, one white space, then the pixels.
Picture read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const auto number = [&] {
    int64_t value = 0;
    while ((file >> std::ws).peek() == '#') file.ignore(1 << 20, '\n');
    if (!(file >> value) || value < 1 || value > 1 << 14) throw spikemix::InputError(path + ": not a binary PPM (P6)");
    return value;
  };
  char magic[2] = {};
  if (!file.read(magic, 2) || magic[0] != 'P' || magic[1] != '6')
    throw spikemix::InputError(path + ": not a binary PPM (P6)");
  Picture picture;
  picture.width = number(), picture.height = number();
  if (number() != 255 || file.get() == EOF) throw spikemix::InputError(path + ": expected 8 bits a channel");
  picture.pixels.resize(size_t(picture.height * picture.width * 3));
  if (!file.read(reinterpret_cast<char*>(picture.pixels.data()), std::streamsize(picture.pixels.size())))
    throw spikemix::InputError(path + ": ends before its last pixel");
  return picture;
}

void classify(const std::string& model, const std::string& image) {
  // fp32 is for trained weights; an exported file sets its own precision.
  spikemix::Session session(spikemix::load_network(model, spikemix::Precision::kFp32));
  const spikemix::ModelCard& card = session.network().card;
  if (card.model.channels != 3) throw spikemix::InputError(model + ": does not take RGB images");

  const Picture picture = read_ppm(image);
  std::vector<float> input(size_t(session.input_size())), logits(size_t(card.model.classes));
  spikemix::image_to_input(card, picture.pixels.data(), picture.height, picture.width, input.data());
  session.infer(1, input.data(), logits.data());

  const std::vector<double> p = spikemix::softmax(logits);
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t shown = std::min<size_t>(3, p.size());
  std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(shown), order.end(),
                    [&](size_t a, size_t b) { return p[a] > p[b]; });
  for (size_t i = 0; i < shown; ++i) {
    const std::string name = card.classes.empty() ? std::to_string(order[i]) : card.classes[order[i]];
    std::printf("%6.2f %%  %s\n", 100 * double(p[order[i]]), name.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: classify MODEL.safetensors IMAGE.ppm\n");
    return 2;
  }
  try {
    classify(argv[1], argv[2]);
    return 0;
  } catch (const spikemix::InputError& error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 1;
  }
}
