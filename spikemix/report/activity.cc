// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "spikemix/count/energy.h"
#include "spikemix/model/model.h"
#include "spikemix/report/html.h"
#include "spikemix/report/sections.h"

namespace spikemix::reports {
namespace {

std::string heading(const std::string& id, const char* part, const char* title) {
  return fmt::format("<h3 id=\"{}-{}\">{}</h3>\n", id, part, title);
}

double most_of(const std::vector<double>& values) {
  const double most = values.empty() ? 0 : *std::ranges::max_element(values);
  return most > 0 ? most : 1;
}

}  // namespace

std::string rates(const std::string& id, const Activity& activity) {
  Table table{.caption = fmt::format("Share of neurons that fire, %, by layer and time step: means of {} test images",
                                     activity.images),
              .columns = {"layer", "neurons"},
              .rows = {},
              .kind = "heat"};
  std::vector<double> all;
  size_t steps = 0;
  for (const LayerRates& layer : activity.rates) {
    all.insert(all.end(), layer.rates.begin(), layer.rates.end());
    steps = std::max(steps, layer.rates.size());
  }
  for (size_t t = 0; t < steps; ++t) table.columns.push_back(fmt::format("step {}", t + 1));
  const double most = most_of(all);
  for (const LayerRates& layer : activity.rates) {
    std::vector<Cell> row = {layer.layer, Cell(double(layer.neurons))};
    for (const double rate : layer.rates)
      row.push_back(Cell(fmt::format("{:.2f}", 100 * rate), rate).with_shade(rate / most));
    table.rows.push_back(std::move(row));
  }
  return heading(id, "rates", "Firing rates") + html(table);
}

std::string energy(const std::string& id, const ModelCard& card, const Activity& activity) {
  const EnergyTable& first = energy_tables().front();
  std::vector<double> millijoules;
  for (const LayerOperations& layer : activity.operations) millijoules.push_back(spikemix::energy(layer, first));
  const double most = most_of(millijoules);
  Table layers{.caption = fmt::format("Energy by layer, {}: one image, all {} steps, mean of {}", first.name,
                                      card.model.T, activity.images),
               .columns = {"layer", "mJ", "density of its inputs, %", "additions, M", "multiply-adds, M"},
               .rows = {}};
  for (size_t i = 0; i < activity.operations.size(); ++i) {
    const LayerOperations& o = activity.operations[i];
    const bool has_density = o.dense > 0 && o.multiply_adds == 0;  // real inputs are never sparse
    layers.rows.push_back({o.name, Cell(readable(millijoules[i]), millijoules[i]).with_bar(millijoules[i] / most),
                           has_density ? Cell(fmt::format("{:.2f}", 100 * o.density), o.density) : Cell(""),
                           Cell((o.additions + o.count_by_bits + o.attention_kv_first + o.mixer_additions) / 1e6),
                           Cell((o.multiply_adds + o.mixer_multiplications) / 1e6)});
  }
  Table totals{
      .caption = "Energy of one image by several tables", .columns = {"table", "mJ", "what it is"}, .rows = {}};
  for (const EnergyTable& table : energy_tables()) {
    double sum = 0;
    for (const LayerOperations& layer : activity.operations) sum += spikemix::energy(layer, table);
    totals.rows.push_back({table.name, Cell(sum), table.source});
  }
  const AsPublished papers = as_published(make_plan(card.model, card.neuron), activity.operations);
  totals.rows.push_back({"as the papers count", Cell(papers.energy_mj),
                         fmt::format("{:.4f} G operations: rate x T x padded FLOPs, no neurons, norms, head or memory",
                                     papers.sops / 1e9)});
  return heading(id, "energy", "Energy") +
         paragraph(
             "The network's operations, counted from its spikes, times a table's cost of each. This is not a "
             "measurement.") +
         html(totals) + html(layers);
}

std::string time(const std::string& id, const Activity& activity) {
  Table table{
      .caption = fmt::format("Time by layer, on one thread of this machine: one image, mean of {}", activity.images),
      .columns = {"layer", "µs", "kernel"},
      .rows = {}};
  std::vector<double> micros;
  for (const LayerProfile& layer : activity.profile) micros.push_back(1e6 * layer.seconds / double(activity.images));
  const double most = most_of(micros);
  double sum = 0;
  for (size_t i = 0; i < micros.size(); ++i) {
    table.rows.push_back({activity.profile[i].name, Cell(readable(micros[i]), micros[i]).with_bar(micros[i] / most),
                          activity.profile[i].kernel});
    sum += micros[i];
  }
  table.rows.push_back({"all layers", Cell(sum), ""});
  return heading(id, "time", "Time") + html(table);
}

}  // namespace spikemix::reports
