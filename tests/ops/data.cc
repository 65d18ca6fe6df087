// SPDX-License-Identifier: MIT
#include <cstring>
#include <string>

#include "spikemix/data/decode.h"
#include "spikemix/data/mixup.h"
#include "spikemix/data/randaugment.h"
#include "spikemix/data/resize.h"
#include "spikemix/nn/torch.h"

// Images are uint8 tensors [H, W, C].
namespace spikemix {
namespace {

Image to_image(const torch::Tensor& t) {
  TORCH_CHECK(t.dtype() == torch::kUInt8 && t.dim() == 3 && t.is_contiguous(), "expected contiguous uint8 [H, W, C]");
  const uint8_t* p = t.const_data_ptr<uint8_t>();
  return {t.size(0), t.size(1), t.size(2), std::vector<uint8_t>(p, p + t.numel())};
}

torch::Tensor to_tensor(const Image& image) {
  torch::Tensor t = torch::empty({image.height, image.width, image.channels}, torch::kUInt8);
  std::memcpy(t.mutable_data_ptr<uint8_t>(), image.pixels.data(), image.pixels.size());
  return t;
}

torch::Tensor randaugment_op(const torch::Tensor& image, const std::string& name, double magnitude, bool negate,
                             int64_t fill) {
  for (const RandAugmentOp& op : randaugment_ops()) {
    if (op.name != name) continue;
    Image out = to_image(image);
    const auto level = uint8_t(fill);
    op.apply(out, op.argument(magnitude, negate), {level, level, level});
    return to_tensor(out);
  }
  TORCH_CHECK(false, "no operation ", name);
}

torch::Tensor mixup_targets(const torch::Tensor& labels, int64_t classes, double lambda, double smoothing) {
  torch::Tensor targets = torch::empty({labels.numel(), classes});
  mix_targets({labels.const_data_ptr<int64_t>(), size_t(labels.numel())}, classes, lambda, smoothing,
              {targets.mutable_data_ptr<float>(), size_t(targets.numel())});
  return targets;
}

torch::Tensor mixup_images(const torch::Tensor& images, double lambda) {
  torch::Tensor mixed = images.clone();
  mix_images({mixed.mutable_data_ptr<float>(), size_t(mixed.numel())}, mixed.size(0), lambda);
  return mixed;
}

torch::Tensor cutmix_images(const torch::Tensor& images, at::IntArrayRef box) {
  torch::Tensor cut = images.clone();
  swap_boxes({cut.mutable_data_ptr<float>(), size_t(cut.numel())}, cut.size(0), cut.size(-2), cut.size(-1),
             {box[0], box[1], box[2], box[3]});
  return cut;
}

std::vector<int64_t> cutmix_box(int64_t y, int64_t x, int64_t height, int64_t width, double lambda) {
  const Box box = box_around(y, x, height, width, lambda);
  return {box.top, box.bottom, box.left, box.right};
}

torch::Tensor fit_image(const torch::Tensor& image, int64_t height, int64_t width, int64_t channels) {
  return to_tensor(fit(to_image(image), height, width, channels));
}

torch::Tensor decode(const torch::Tensor& bytes) {
  return to_tensor(decode_image({bytes.const_data_ptr<uint8_t>(), size_t(bytes.numel())}, "image"));
}

void write_image(const torch::Tensor& image, const std::string& file) { write_png(file, to_image(image)); }

TORCH_LIBRARY_FRAGMENT(spikemix_test, m) {
  m.def("randaugment_names() -> str[]", [] {
    std::vector<std::string> names;
    for (const RandAugmentOp& op : randaugment_ops()) names.emplace_back(op.name);
    return names;
  });
  m.def("randaugment_op(Tensor image, str name, float magnitude, bool negate, int fill) -> Tensor", randaugment_op);
  m.def("mixup_targets(Tensor labels, int classes, float lam, float smoothing) -> Tensor", mixup_targets);
  m.def("mixup_images(Tensor images, float lam) -> Tensor", mixup_images);
  m.def("cutmix_images(Tensor images, int[] box) -> Tensor", cutmix_images);
  m.def("cutmix_box(int y, int x, int height, int width, float lam) -> int[]", cutmix_box);
  m.def("fit_image(Tensor image, int height, int width, int channels) -> Tensor", fit_image);
  m.def("decode_image(Tensor data) -> Tensor", decode);
  m.def("write_png(Tensor image, str file) -> ()", write_image);
}

}  // namespace
}  // namespace spikemix
