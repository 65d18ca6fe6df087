#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "spikemix/count/operations.h"

namespace spikemix {

/// Picojoules of one operation each.
struct EnergyTable {
  std::string name, source;
  double real_multiply = 0, real_add = 0;  // first layer, transforms, neurons, norms, head
  double multiply = 0, add = 0;            // where inputs are spikes or counts
  double byte = 0;                         // of memory moved
};

/// The built-in tables.
const std::vector<EnergyTable>& energy_tables();
/// One's own: TOML with the fields of EnergyTable, those that are missing 0. @throws InputError naming the file and key
EnergyTable read_energy_table(const std::filesystem::path& file);

/// Millijoules of the operations as the engine runs them: additions of spikes and of counts by bit planes,
/// multiply-adds of real inputs, the transform's own operations, attention as q (k' v), neurons (two multiplications,
/// two additions each), norms, residual sums, memory.
double energy(const LayerOperations& operations, const EnergyTable& table);

/// The same layers with ReLU and one step, in int8, which an engineer would deploy: no table covers fewer bits.
struct DenseTwin {
  double multiply_adds = 0;  // of integers: maps, and attention as q (k' v)
  double mixer_additions = 0, mixer_multiplications = 0, bytes = 0;
};
DenseTwin dense_twin(const Plan& plan, const std::vector<LayerOperations>& layers);
double energy(const DenseTwin& twin, const EnergyTable& table);

/// As the papers of this family count: 4.6 pJ for each multiply-add of the first convolution and 0.9 pJ for each of the
/// others times the firing rate, over padded FLOPs; no neurons, norms, head or memory, and a transform as so many
/// FLOPs.
struct AsPublished {
  double sops = 0, energy_mj = 0;
};
AsPublished as_published(const Plan& plan, const std::vector<LayerOperations>& layers);

/// The journal form's table of operations and energy (arXiv 2403.18228): a data set and mixer.
struct PublishedRow {
  const char *data, *mixer;
  double gops, energy_mj;
};
const std::vector<PublishedRow>& published_rows();
/// The row of a Spikformer of the published sizes, its data set told by the input and the number of classes; or
/// nullptr.
const PublishedRow* published_row(const ModelConfig& model);

}  // namespace spikemix
