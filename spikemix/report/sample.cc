// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "spikemix/report/chart.h"
#include "spikemix/report/html.h"
#include "spikemix/report/picture.h"
#include "spikemix/report/sections.h"
#include "spikemix/report/spectrum.h"

namespace spikemix::reports {
namespace {

std::string class_name(const ModelCard& card, size_t label) {
  return label < card.classes.size() ? card.classes[label] : fmt::format("class {}", label);
}

std::string likeliest(const ModelCard& card, const std::vector<double>& p) {
  std::vector<size_t> order(p.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t i) { return p[i]; });
  order.resize(std::min<size_t>(5, order.size()));
  Table table{.caption = "The likeliest classes", .columns = {"class", "probability, %"}, .rows = {}};
  for (const size_t i : order)
    table.rows.push_back({class_name(card, i), Cell(fmt::format("{:.1f}", 100 * p[i]), p[i]).with_bar(p[i])});
  return html(table);
}

std::string raster_of(const LayerSpikes& layer) {
  const Raster drawn = raster(layer);
  const double all = double(layer.spikes.size()), fired = all - double(std::ranges::count(layer.spikes, 0));
  const auto of = [](int64_t shown, int64_t n, const char* what) {
    return shown == n ? fmt::format("{} {}", n, what) : fmt::format("{} of {} {}", shown, n, what);
  };
  const std::string says =
      fmt::format("{}: {:.2f} % of its neurons fire; {} step{}, {}, {}", layer.layer, 100 * fired / all, layer.T,
                  layer.T == 1 ? "" : "s", of(drawn.tokens, layer.rows(), layer.width > 1 ? "places" : "tokens"),
                  of(drawn.channels, layer.channels, "channels"));
  return fmt::format(
      "<figure class=\"raster\" data-layer=\"{}\" data-rate=\"{}\"><figcaption>{}</figcaption>\n{}{}</figure>\n",
      escaped(layer.layer), exact(fired / all), escaped(says),
      layer.width > 1 ? html(firing_map(layer), "Where " + layer.layer + " fires, step by step", "ink map") : "",
      html(drawn.picture, "Spikes of " + layer.layer, "ink spikes"));
}

std::string rasters(const std::string& id, const Trace& trace) {
  std::string text = fmt::format("<h3 id=\"{}-spikes\">Spikes through the layers</h3>\n", id);
  text += paragraph(
      "For each layer, the upper picture shows where it fires: darker means more channels. The steps are side by side. "
      "The lower picture has a row for each channel and a column for each place, row by row, again step by step. "
      "If there are more than fit, every n-th is shown.");
  text += "<div class=\"rasters\">\n";
  for (const LayerSpikes& layer : trace.layers) text += raster_of(layer);
  return text + "</div>\n";
}

std::string membranes(const std::string& id, const Trace& trace) {
  std::string text = fmt::format("<h3 id=\"{}-membranes\">Membrane potentials</h3>\n", id);
  text += paragraph(
      "After each step, fired and reset: a large dot is a neuron that fired. Neurons are spread evenly over "
      "those that fire at all, layers over all layers.");
  text += "<div class=\"charts\">\n";
  for (size_t k = 0; k < trace.membranes.size(); ++k) {
    const MembraneTraces& layer = trace.membranes[k];
    LineChart chart{.id = fmt::format("{}-membrane-{}", id, k),
                    .title = fmt::format("{} (threshold {})", layer.layer, readable(layer.threshold)),
                    .x_label = "step",
                    .y_label = "potential",
                    .lines = {},
                    .mark_means = "fired"};
    for (size_t i = 0; i < layer.neurons.size(); ++i) {
      Line line{.name = fmt::format("neuron {}", layer.neurons[i]),
                .x = {},
                .y = layer.potentials[i],
                .marked = layer.fired[i]};
      for (size_t t = 0; t < line.y.size(); ++t) line.x.push_back(double(t + 1));
      chart.lines.push_back(std::move(line));
    }
    text += html(chart);
  }
  return text + "</div>\n";
}

std::string spectra(const std::string& id, const Trace& trace) {
  std::string text = fmt::format("<h3 id=\"{}-spectra\">Token spectra before and after each mixer</h3>\n", id);
  text += paragraph(
      "Power by spatial frequency over the grid of tokens, mean of all channels and steps: what the block "
      "reads, and what its mixer's branch makes of it. Frequency 0 is the mean over all tokens.");
  text += "<div class=\"charts\">\n";
  for (size_t k = 0; k < trace.mixers.size(); ++k) {
    const MixerValues& mixer = trace.mixers[k];
    const Spectrum before = token_spectrum(mixer.before, mixer.height, mixer.width, mixer.channels);
    const Spectrum after = token_spectrum(mixer.after, mixer.height, mixer.width, mixer.channels);
    text += html(LineChart{.id = fmt::format("{}-spectrum-{}", id, k),
                           .title = fmt::format("{}: {}", mixer.block, mixer.mixer),
                           .x_label = "cycles a token",
                           .y_label = "power",
                           .lines = {{.name = "before", .x = before.frequency, .y = before.power},
                                     {.name = mixer.with_stream ? "after, with the residual stream" : "after",
                                      .x = after.frequency,
                                      .y = after.power}},
                           .logarithmic = true});
  }
  return text + "</div>\n";
}

}  // namespace

std::string sample(const std::string& id, const ModelCard& card, const Shown& shown) {
  std::string text = fmt::format(
      "<h3 id=\"{}-sample\">One {}, layer by layer</h3>\n<div class=\"sample\">\n<figure>{}"
      "<figcaption>{}{}</figcaption></figure>\n{}</div>\n",
      id, card.model.takes_events() ? "recording" : "picture",
      html(shown.picture, "The input: " + shown.source, "picture large"), escaped(shown.source),
      shown.truth.empty() ? "" : escaped(fmt::format(": {}", shown.truth)), likeliest(card, shown.trace.probabilities));
  text += rasters(id, shown.trace);
  if (!shown.trace.membranes.empty()) text += membranes(id, shown.trace);
  if (!shown.trace.mixers.empty()) text += spectra(id, shown.trace);
  return text;
}

}  // namespace spikemix::reports
