// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <span>
#include <vector>

#include "spikemix/base/rng.h"
#include "spikemix/data/dataset.h"

namespace spikemix {

/// Random crop of the image's own size, from the image with `padding` black pixels around it, as in torchvision's
/// RandomCrop(size, padding). `scratch` holds the old pixels and saves an allocation.
void random_crop(Image& image, int64_t padding, Rng& rng, std::vector<uint8_t>& scratch);

/// Mirrors left and right.
void flip_horizontally(Image& image);

/// (x / 255 - mean) / std, from [H, W, C] bytes to [C, H, W] floats.
class Normaliser {
 public:
  /// Empty mean or std: the usual value for each channel (formats/model_card.h). @throws InputError naming data.mean or
  /// data.std
  Normaliser(std::span<const double> mean, std::span<const double> std, int64_t channels);
  void operator()(const Image& image, float* chw) const;
  /// The mean as a grey level or colour, with which geometric augmentation fills.
  std::array<uint8_t, 3> fill() const { return fill_; }

 private:
  std::vector<std::array<float, 256>> table_;  ///< one for each channel: there are only 256 inputs
  std::array<uint8_t, 3> fill_{};
};

/// Random erasing (Zhong et al., arXiv 1708.04896) as in timm's mode "const": with this probability, a rectangle with 2
/// to 33 % of the area and an aspect of 0.3 to 3.3 becomes zero, after normalisation. It makes ten attempts to find one
/// that fits.
void random_erase(float* chw, int64_t channels, int64_t height, int64_t width, double probability, Rng& rng);

}  // namespace spikemix
