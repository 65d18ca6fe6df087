// SPDX-License-Identifier: MIT
#include "spikemix/count/energy.h"

#include <algorithm>
#include <iterator>

#include <toml++/toml.h>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"

namespace spikemix {
namespace {

constexpr double kMillijoule = 1e-9;  // per picojoule

struct Field {
  const char* key;
  double EnergyTable::*value;
};
constexpr Field kFields[] = {{"real_multiply", &EnergyTable::real_multiply},
                             {"real_add", &EnergyTable::real_add},
                             {"multiply", &EnergyTable::multiply},
                             {"add", &EnergyTable::add},
                             {"byte", &EnergyTable::byte}};

}  // namespace

const std::vector<EnergyTable>& energy_tables() {
  // M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9, 45 nm at 0.9 V:
  // fp32 multiply 3.7, add 0.9; int8 multiply 0.2; int16 add 0.05 (between its 8 and 32 bits), int32 add 0.1; a word of
  // 64 bits from 32 KB of SRAM 20, from DRAM 1300.
  static const std::vector<EnergyTable> tables = {
      {"horowitz-45nm-fp32", "as all papers of this family: MAC 4.6, AC 0.9 pJ", 3.7, 0.9, 3.7, 0.9, 0},
      {"horowitz-45nm-fp32-sram", "and 2.5 pJ for each byte from 32 KB of SRAM", 3.7, 0.9, 3.7, 0.9, 2.5},
      {"horowitz-45nm-int8", "8-bit weights, 16-bit sums; what is real stays fp32", 3.7, 0.9, 0.2, 0.05, 0},
      {"horowitz-45nm-int8-sram", "and 2.5 pJ for each byte from 32 KB of SRAM", 3.7, 0.9, 0.2, 0.05, 2.5},
      {"horowitz-45nm-int8-dram", "and 163 pJ for each byte from DRAM", 3.7, 0.9, 0.2, 0.05, 162.5}};
  return tables;
}

EnergyTable read_energy_table(const std::filesystem::path& file) {
  EnergyTable table;
  try {
    const toml::table content = toml::parse_file(file.string());
    table.name = content["name"].value_or(file.stem().string());
    table.source = content["source"].value_or(std::string());
    std::vector<std::string> known = {"name", "source"};
    for (const Field& field : kFields) known.push_back(field.key);
    if (std::ranges::none_of(kFields, [&](const Field& f) { return content.contains(f.key); }))
      throw input_error("{}: holds no picojoules, expected one or more of {}", file.string(),
                        "real_multiply, real_add, multiply, add, byte");
    for (const auto& [key, node] : content) {
      const std::string name(key.str());
      if (name == "name" || name == "source") continue;
      const auto* field = std::ranges::find_if(kFields, [&](const Field& f) { return f.key == name; });
      if (field == std::end(kFields)) throw input_error("{}: unknown key {}", file.string(), unknown_name(name, known));
      const auto value = node.value<double>();
      if (!value || !(*value >= 0))
        throw input_error("{}: {} is not a number of picojoules, 0 or more", file.string(), name);
      table.*field->value = *value;
    }
  } catch (const toml::parse_error& error) {
    throw input_error("{}:{}: {}", file.string(), error.source().begin.line, error.description());
  }
  return table;
}

double energy(const LayerOperations& o, const EnergyTable& t) {
  const double real = t.real_multiply + t.real_add;
  return kMillijoule * ((o.additions + o.count_by_bits + o.attention_kv_first) * t.add + o.multiply_adds * real +
                        (o.real_additions + o.mixer_additions) * t.real_add +
                        o.mixer_multiplications * t.real_multiply + 2 * o.neurons * real + o.norm_multiply_adds * real +
                        o.comparisons * t.add + o.residual_additions * t.add + o.bytes * t.byte);
}

DenseTwin dense_twin(const Plan& plan, const std::vector<LayerOperations>& layers) {
  DenseTwin twin;
  size_t row = 0;
  for (const LayerPlan& layer : plan.layers) {
    const ValuePlan& from = plan.values[size_t(layer.reads)];
    const ValuePlan& to = plan.values[size_t(layer.writes)];
    if (layer.has_weights()) {
      double weights = double(layer.parts.size());
      for (const int64_t size : layer.weight_shape) weights *= double(size);
      twin.bytes += weights + double(from.rows() * from.channels) + double(to.rows() * to.channels * to.parts);
    }
    for (size_t part = 0; part < layer.parts.size(); ++part, ++row) {
      const double steps = from.still ? 1 : double(plan.T);
      twin.multiply_adds += layers[row].dense / steps + dense_attention(plan, layer);
      twin.mixer_additions += layers[row].mixer_additions / steps;
      twin.mixer_multiplications += layers[row].mixer_multiplications / steps;
    }
  }
  twin.multiply_adds += layers.back().dense;
  return twin;
}

double energy(const DenseTwin& twin, const EnergyTable& t) {
  const double add = 2 * t.add;  // sums of 32 bits cost twice those of 16
  return kMillijoule * (twin.multiply_adds * (t.multiply + add) + twin.mixer_additions * t.real_add +
                        twin.mixer_multiplications * t.real_multiply + twin.bytes * t.byte);
}

AsPublished as_published(const Plan& plan, const std::vector<LayerOperations>& layers) {
  AsPublished result;
  size_t row = 0;
  for (const LayerPlan& layer : plan.layers) {
    for (size_t part = 0; part < layer.parts.size(); ++part, ++row) {
      const LayerOperations& o = layers[row];
      if (layer.reads == 0) {
        result.energy_mj += kMillijoule * 4.6 * o.dense_padded;
        continue;
      }
      // The FLOPs of a transform are half of the additions and multiplications in ours.
      const double flops = o.dense_padded + (o.mixer_additions + o.mixer_multiplications) / 2 +
                           dense_attention(plan, layer) * double(plan.T);
      const double rate = layer.map == Map::kAttention ? (flops > 0 ? o.attention_kv_first / flops : 0) : o.density;
      result.sops += rate * flops;
    }
  }
  result.energy_mj += kMillijoule * 0.9 * result.sops;
  return result;
}

const std::vector<PublishedRow>& published_rows() {
  static const std::vector<PublishedRow> rows = {
      {"CIFAR-10", "ssa", 1.186, 0.523},       {"CIFAR-10", "fft1d", 0.942, 0.392},
      {"CIFAR-10", "fft2d", 0.943, 0.393},     {"CIFAR-10", "wt2d", 0.944, 0.393},
      {"CIFAR-10", "dwt-c", 0.947, 0.394},     {"CIFAR-100", "ssa", 1.737, 0.748},
      {"CIFAR-100", "fft2d", 1.438, 0.584},    {"CIFAR10-DVS", "ssa", 1.852, 0.943},
      {"CIFAR10-DVS", "fft2d", 1.548, 0.752},  {"CIFAR10-DVS", "wt2d", 1.549, 0.753},
      {"DVS128 Gesture", "ssa", 1.914, 0.822}, {"DVS128 Gesture", "fft2d", 1.609, 0.653},
      {"DVS128 Gesture", "wt2d", 1.609, 0.651}};
  return rows;
}

const PublishedRow* published_row(const ModelConfig& m) {
  const std::string data = m.takes_events()   ? (m.classes == 11   ? "DVS128 Gesture"
                                                 : m.classes == 10 ? "CIFAR10-DVS"
                                                                   : "")
                           : m.classes == 10  ? "CIFAR-10"
                           : m.classes == 100 ? "CIFAR-100"
                                              : "";
  const bool published = m.architecture == "spikformer" && (m.stream == "auto" || m.stream == "spike") &&
                         m.stem == "conv4" && m.embed_dim == (m.takes_events() ? 256 : 384) &&
                         m.depth == (m.takes_events() ? 2 : 4) && (m.takes_events() || m.T == 4);
  if (!published) return nullptr;
  for (const PublishedRow& row : published_rows()) {
    if (data == row.data && m.mixer.size() == 1 && m.mixer[0] == row.mixer) return &row;
  }
  return nullptr;
}

}  // namespace spikemix
