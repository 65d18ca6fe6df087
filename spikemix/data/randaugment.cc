// SPDX-License-Identifier: MIT
#include "spikemix/data/randaugment.h"

#include <algorithm>

#include "spikemix/data/pixel_ops.h"

namespace spikemix {
namespace {

using Fill = std::array<uint8_t, 3>;

double none(double, bool) { return 0; }
double signed_share(double magnitude, bool negate, double largest) {
  const double x = magnitude / 10 * largest;
  return negate ? -x : x;
}
double degrees(double magnitude, bool negate) { return signed_share(magnitude, negate, 30); }
double shear(double magnitude, bool negate) { return signed_share(magnitude, negate, 0.3); }
double translation(double magnitude, bool negate) { return signed_share(magnitude, negate, 0.45); }
double enhance_factor(double magnitude, bool negate) { return std::max(0.1, 1 + signed_share(magnitude, negate, 0.9)); }
double bits_kept(double magnitude, bool) { return 4 - int(magnitude / 10 * 4); }
double solarize_threshold(double magnitude, bool) { return 256 - std::min(256, int(magnitude / 10 * 256)); }
double solarize_addend(double magnitude, bool) { return std::min(128, int(magnitude / 10 * 110)); }

constexpr RandAugmentOp kOps[] = {
    {"AutoContrast", none, [](Image& i, double, const Fill&) { autocontrast(i); }},
    {"Equalize", none, [](Image& i, double, const Fill&) { equalize(i); }},
    {"Invert", none, [](Image& i, double, const Fill&) { invert(i); }},
    {"Rotate", degrees, [](Image& i, double d, const Fill& fill) { rotate(i, d, fill); }},
    {"PosterizeIncreasing", bits_kept, [](Image& i, double bits, const Fill&) { posterize(i, int(bits)); }},
    {"SolarizeIncreasing", solarize_threshold, [](Image& i, double t, const Fill&) { solarize(i, int(t)); }},
    {"SolarizeAdd", solarize_addend, [](Image& i, double add, const Fill&) { solarize_add(i, int(add)); }},
    {"ColorIncreasing", enhance_factor, [](Image& i, double f, const Fill&) { enhance_color(i, f); }},
    {"ContrastIncreasing", enhance_factor, [](Image& i, double f, const Fill&) { enhance_contrast(i, f); }},
    {"BrightnessIncreasing", enhance_factor, [](Image& i, double f, const Fill&) { enhance_brightness(i, f); }},
    {"SharpnessIncreasing", enhance_factor, [](Image& i, double f, const Fill&) { enhance_sharpness(i, f); }},
    {"ShearX", shear,
     [](Image& i, double f, const Fill& fill) {
       affine(i, {1, f, 0, 0, 1, 0}, fill);
     }},
    {"ShearY", shear,
     [](Image& i, double f, const Fill& fill) {
       affine(i, {1, 0, 0, f, 1, 0}, fill);
     }},
    {"TranslateXRel", translation,
     [](Image& i, double f, const Fill& fill) {
       affine(i, {1, 0, f * double(i.width), 0, 1, 0}, fill);
     }},
    {"TranslateYRel", translation,
     [](Image& i, double f, const Fill& fill) {
       affine(i, {1, 0, 0, 0, 1, f * double(i.height)}, fill);
     }},
};

}  // namespace

std::span<const RandAugmentOp> randaugment_ops() { return kOps; }

void randaugment(Image& image, const AugmentConfig& config, const Fill& fill, Rng& rng) {
  for (int64_t n = 0; n < config.randaugment_ops; ++n) {
    const RandAugmentOp& op = kOps[rng.below(std::size(kOps))];
    if (!rng.coin()) continue;
    const double magnitude = std::clamp(rng.normal(config.randaugment_magnitude, config.randaugment_std), 0.0, 10.0);
    op.apply(image, op.argument(magnitude, rng.coin()), fill);
  }
}

}  // namespace spikemix
