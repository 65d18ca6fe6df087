// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "spikemix/count/operations.h"

namespace spikemix {

/// Picojoules of one operation of each kind.
struct EnergyTable {
  std::string name, source;
  double real_multiply = 0, real_add = 0;  // first layer, transforms, neurons, norms, head
  double multiply = 0, add = 0;            // if inputs are spikes or counts
  double byte = 0;                         // for each byte of memory moved
};

/// The built-in tables.
const std::vector<EnergyTable>& energy_tables();
/// A user's table: TOML with the fields of EnergyTable; missing ones are 0. @throws InputError naming the file and key
EnergyTable read_energy_table(const std::filesystem::path& file);

/// Millijoules of the operations as the engine runs them: additions for spikes and for counts by bit planes,
/// multiply-adds for real inputs, the transform's own operations, attention as q (k' v), neurons (two multiplications
/// and two additions each), norms, residual sums, memory.
double energy(const LayerOperations& operations, const EnergyTable& table);

/// The same layers with ReLU and one step, in int8, as an engineer would deploy them: no table covers fewer bits.
struct DenseTwin {
  double multiply_adds = 0;  // on integers: maps, and attention as q (k' v)
  double mixer_additions = 0, mixer_multiplications = 0, bytes = 0;
};
DenseTwin dense_twin(const Plan& plan, const std::vector<LayerOperations>& layers);
double energy(const DenseTwin& twin, const EnergyTable& table);

/// Counted as in the papers of this family: 4.6 pJ for each multiply-add of the first convolution, and 0.9 pJ for each
/// other one times the firing rate, over padded FLOPs; without neurons, norms, head or memory, and with a transform
/// counted in FLOPs.
struct AsPublished {
  double sops = 0, energy_mj = 0;
};
AsPublished as_published(const Plan& plan, const std::vector<LayerOperations>& layers);

/// A row of the journal version's table of operations and energy (arXiv 2403.18228): a data set and mixer.
struct PublishedRow {
  const char *data, *mixer;
  double gops, energy_mj;
};
const std::vector<PublishedRow>& published_rows();
/// The row for a Spikformer of the published sizes, whose data set is inferred from the input and the number of
/// classes; otherwise nullptr.
const PublishedRow* published_row(const ModelConfig& model);

}  // namespace spikemix
