#include "spikemix/engine/workspace.h"

#include <algorithm>
#include <bit>

#include "spikemix/core/error.h"

namespace spikemix {

Workspace::Workspace(const Network& network, int64_t steps_at_once, int64_t member_count, bool keep_potentials,
                     int64_t max_bytes)
    : T(steps_at_once), members(size_t(member_count)), token_sums(size_t(network.channels())) {
  const ModelConfig& m = network.card.model;
  const bool events = m.input == "events";
  const int64_t N = network.tokens(), D = m.embed_dim, hidden_D = D * m.mlp_ratio, D_words = spike_words(D);

  // Units times inputs of the longest lists.
  int64_t map_words = 0, pooled_words = 0, pixel_entries = 0, pixel_begins = 0, list_units = 0, list_entries = 0;
  const auto conv = [&](const SpikingMap& map, int64_t height, int64_t width, int64_t C, bool pool, bool real_input) {
    const int64_t pixels = height * width;
    map_words = std::max(map_words, T * pixels * spike_words(map.weights.out));
    if (pool)
      pooled_words = std::max(pooled_words, T * ((height + 1) / 2) * ((width + 1) / 2) * spike_words(map.weights.out));
    if (real_input) return;
    pixel_entries = std::max(pixel_entries, T * height * list_stride(width, C));
    pixel_begins = std::max(pixel_begins, T * height * (width + 1));
    list_units = std::max(list_units, T * pixels);
    list_entries = std::max(list_entries, T * pixels * 9 * C);
  };
  const auto tokens = [&](int64_t in, int64_t planes) {
    list_units = std::max(list_units, T * N * planes);
    list_entries = std::max(list_entries, T * N * planes * 64 * spike_words(in));
  };
  for (const StemLayer& layer : network.stem)
    conv(layer.map, layer.height, layer.width, layer.C, layer.pool, &layer == &network.stem.front());
  conv(network.relative_position, m.token_rows(), m.token_columns(), D, false, false);
  int64_t scratch = 0, heads_d = 0;
  bool combines = false;
  for (const NetworkBlock& block : network.blocks) {
    tokens(D, std::bit_width(uint64_t(block.max_input + 1)));
    tokens(hidden_D, 1);
    if (block.mixing) {
      scratch = std::max(scratch, block.mixing->mixer->scratch_size());
      combines |= block.mixing->mixer->coefficients() > 0;
    } else {
      heads_d = D / block.attention->heads;
    }
  }

  map_words = std::max(map_words, T * N * D_words);

  const int64_t patches = events ? 0 : kPatchRows * 9 * m.channels;
  const int64_t mark_words = events ? T * m.height * spike_words(m.width) : 0, mixer_values = T * N * D + 16;
  const int64_t of_member = 2 * list_entries + 4 * (list_units + patches + scratch + heads_d * (heads_d + 1)) +
                            (combines ? 4 * mixer_values : 0);
  int64_t bytes = 8 * (mark_words + map_words + pooled_words + T * N * (4 * D_words + spike_words(hidden_D))) +
                  2 * pixel_entries + 4 * pixel_begins + T * N * 64 * D_words + 8 * mixer_values +
                  member_count * of_member;
  for_layers(network, [&](const NetworkLayer& layer) {
    if (keep_potentials) bytes += 4 * layer.rows * round_up_to(layer.channels, 64);
  });
  if (bytes > max_bytes) {
    throw input_error("{} x {} inputs, {} channels and {} steps at once take {:.3g} GB of buffers, {:.3g} are allowed",
                      m.height, m.width, D, T, double(bytes) / 1e9, double(max_bytes) / 1e9);
  }

  marks.resize(size_t(mark_words));
  map_bits.resize(size_t(map_words));
  pooled_bits.resize(size_t(pooled_words));
  pixel_index.resize(size_t(pixel_entries));
  pixel_begin.resize(size_t(pixel_begins));
  counts.resize(size_t(T * N * 64 * D_words));
  spikes.resize(size_t(T * N * D_words));
  hidden.resize(size_t(T * N * spike_words(hidden_D)));
  // 16 more: vectors read behind the last row.
  mixer_in.resize(size_t(mixer_values)), mixer_out.resize(size_t(mixer_values));
  if (heads_d > 0) {
    for (auto* bits : {&q, &k, &v}) bits->resize(size_t(T * N * D_words));
  }
  for (Member& member : members) {
    member.lists.reserve(list_units, list_entries);
    member.patches.resize(size_t(patches));
    member.mixer_scratch.resize(size_t(scratch));
    if (combines) member.mixer_term.resize(mixer_in.size());
    member.key_value.resize(size_t(heads_d * heads_d));
    member.attended.resize(size_t(heads_d));
  }

  if (!keep_potentials) return;
  for_layers(network, [&](const NetworkLayer& layer) {
    potentials.emplace_back(size_t(layer.rows * round_up_to(layer.channels, 64)), layer.lif.v_reset);
  });
}

void Workspace::forget_sums() {
  std::fill(token_sums.begin(), token_sums.end(), 0);
  steps = 0;
}

}  // namespace spikemix
