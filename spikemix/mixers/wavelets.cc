// SPDX-License-Identifier: MIT
#include "spikemix/mixers/wavelets.h"

#include <bit>
#include <span>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/mixers/lines.h"
#include "spikemix/mixers/separable.h"

namespace spikemix {
namespace {

struct FilterTable {
  const char* name;
  std::span<const double> dec_lo, rec_lo;  // rec_lo is empty if the wavelet is orthogonal: dec_lo reversed
};
#include "spikemix/mixers/wavelet_filters.inc"

const FilterTable* find_table(const std::string& name) {
  for (const FilterTable& table : kFilterTables) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

std::vector<double> reversed(std::span<const double> filter) { return {filter.rbegin(), filter.rend()}; }

// PyWavelets' rule: dec_hi[j] = -(-1)^j rec_lo[j] and rec_hi[j] = (-1)^j dec_lo[j].
Wavelet from_low_pass(const std::vector<double>& dec_lo, const std::vector<double>& rec_lo) {
  std::vector<double> dec_hi = rec_lo, rec_hi = dec_lo;
  for (size_t j = 0; j < dec_lo.size(); ++j) {
    if (j % 2 == 0) dec_hi[j] = -dec_hi[j];
    if (j % 2 == 1) rec_hi[j] = -rec_hi[j];
  }
  return {{dec_lo, dec_hi}, {reversed(rec_lo), reversed(rec_hi)}, reversed(rec_lo) == dec_lo};
}

// The number of levels until one value is left; each level halves, rounding up.
int64_t most_levels(int64_t n) { return std::bit_width(uint64_t(n - 1)); }

// As often as 2 divides n; for an odd n, all levels.
int64_t usual_levels(int64_t n) { return n % 2 == 1 ? most_levels(n) : std::countr_zero(uint64_t(n)); }

int64_t checked_levels(const MixerAxis& axis, int64_t levels) {
  const int64_t n = axis.view.n, most = most_levels(n);
  if (most == 0) throw input_error("{} allow no wavelet level; choose other axes", axis.label);
  if (levels > most) throw input_error("levels {}: {} allow levels 1 to {}", levels, axis.label, most);
  return levels == 0 ? usual_levels(n) : levels;
}

}  // namespace

const std::vector<std::string>& wavelet_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"haar"};
    for (const FilterTable& table : kFilterTables) all.push_back(table.name);
    for (const FilterTable& table : kFilterTables) {
      if (!table.rec_lo.empty()) all.push_back("r" + std::string(table.name).replace(0, 4, "bio"));
    }
    return all;
  }();
  return names;
}

Wavelet find_wavelet(const std::string& name) {
  if (name == "haar") return find_wavelet("db1");
  if (const FilterTable* table = find_table(name)) {
    const std::vector<double> dec_lo{table->dec_lo.begin(), table->dec_lo.end()};
    if (table->rec_lo.empty()) return from_low_pass(dec_lo, reversed(dec_lo));
    return from_low_pass(dec_lo, {table->rec_lo.begin(), table->rec_lo.end()});
  }
  if (name.starts_with("rbio")) {
    if (const FilterTable* table = find_table("bior" + name.substr(4))) {
      return from_low_pass(reversed(table->rec_lo), reversed(table->dec_lo));
    }
  }
  const std::string near = nearest(name, wavelet_names());
  throw input_error("unknown wavelet '{}'{}; known: haar, db1..db38, sym2..sym20, coif1..coif17, bior*, rbio*", name,
                    near.empty() ? "" : "; did you mean '" + near + "'?");
}

std::unique_ptr<LineTransform> wavelet_line(const MixerAxis& axis, const WaveletFilters& filters, int64_t levels) {
  return std::make_unique<Dwt>(axis.view.n, filters, checked_levels(axis, levels));
}

std::unique_ptr<Mixer> make_wavelet(const MixerShape& shape, const MixerOptions& options, const std::string& own) {
  MixerAxes axes = mixer_axes(shape, options, own);
  const Wavelet wavelet = find_wavelet(options.wavelet);
  std::vector<std::unique_ptr<LineTransform>> transforms;
  for (const MixerAxis& axis : axes.axes) {
    transforms.push_back(wavelet_line(axis, options.inverse ? wavelet.dual : wavelet.analysis, options.levels));
  }
  return std::make_unique<Separable>(std::move(axes), std::move(transforms), /*transposed=*/options.inverse);
}

}  // namespace spikemix
