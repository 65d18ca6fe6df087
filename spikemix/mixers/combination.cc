// SPDX-License-Identifier: MIT
#include "spikemix/mixers/combination.h"

#include <algorithm>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/mixers/fourier.h"
#include "spikemix/mixers/wavelets.h"

namespace spikemix {
namespace {

class Combination final : public Mixer {
 public:
  explicit Combination(std::vector<std::unique_ptr<Mixer>> bases) : bases_(std::move(bases)) {}

  bool mixes_time() const override { return bases_[0]->mixes_time(); }
  int64_t coefficients() const override { return int64_t(bases_.size()); }
  int64_t scratch_size() const override {
    int64_t size = 0;
    for (const auto& basis : bases_) size = std::max(size, basis->scratch_size());
    return size;
  }
  void forward(int64_t k, const float* x, float* y, float* scratch) const override {
    bases_[size_t(k)]->forward(0, x, y, scratch);
  }
  void forward(int64_t k, const double* x, double* y, double* scratch) const override {
    bases_[size_t(k)]->forward(0, x, y, scratch);
  }
  void adjoint(int64_t k, const float* y, float* x, float* scratch) const override {
    bases_[size_t(k)]->adjoint(0, y, x, scratch);
  }
  void adjoint(int64_t k, const double* y, double* x, double* scratch) const override {
    bases_[size_t(k)]->adjoint(0, y, x, scratch);
  }
  // The cost of the bases; the sum itself (for each value and basis one product and, except for the first, one
  // addition) is the caller's.
  OpCount ops() const override {
    OpCount total;
    for (const auto& basis : bases_) total = total + basis->ops();
    return total;
  }
  std::vector<SeparableTerm> terms() const override {
    std::vector<SeparableTerm> terms;
    for (size_t k = 0; k < bases_.size(); ++k) {
      for (SeparableTerm& term : bases_[k]->terms()) {
        term.coefficient = int64_t(k);
        terms.push_back(std::move(term));
      }
    }
    return terms;
  }

 private:
  std::vector<std::unique_ptr<Mixer>> bases_;
};

}  // namespace

std::unique_ptr<Mixer> make_combination(const MixerShape& shape, const MixerOptions& options,
                                        const std::vector<std::string>& own_bases, bool fourier) {
  const std::vector<std::string>& names = options.bases.empty() ? own_bases : options.bases;
  std::vector<std::unique_ptr<Mixer>> bases;
  for (const std::string& name : names) {
    if (std::count(names.begin(), names.end(), name) > 1) throw input_error("bases: '{}' appears twice", name);
    if (name == "fft") {
      if (!fourier) throw input_error("bases: dwt-c combines wavelets only; fwt-c also takes 'fft'");
      bases.push_back(make_fourier(shape, options, "tokens,embed", /*hartley=*/false, FftNorm::kOrtho));
    } else {
      MixerOptions of_basis = options;
      of_basis.wavelet = name;
      bases.push_back(make_wavelet(shape, of_basis, "tokens,embed"));
    }
  }
  return std::make_unique<Combination>(std::move(bases));
}

}  // namespace spikemix
