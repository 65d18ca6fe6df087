// SPDX-License-Identifier: MIT
#include "spikemix/mixers/add_mixer.h"

#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/branch.h"

namespace spikemix {
namespace {

std::shared_ptr<const Mixer> make_linear(const PlanBuilder& plan, int64_t x, const MixerSpec& spec) {
  const ValuePlan& from = plan.value(x);
  return spec.entry->make({.T = plan.model().T, .height = from.height, .width = from.width, .D = from.channels},
                          spec.options);
}

void add_linear(Branch& branch, const MixerSpec& spec) {
  std::shared_ptr<const Mixer> mixer = make_linear(branch.plan(), branch.value(), spec);
  const int64_t coefficients = mixer->coefficients();
  const bool mixes_time = mixer->mixes_time();
  branch.transform(text_of(*spec.entry, spec.options), std::move(mixer), coefficients, mixes_time);
}

// x = mixer(x): no branch, no norm, no neurons.
int64_t replace_by_mixer(PlanBuilder& plan, int64_t x, const std::string& name, const MixerSpec& spec) {
  if (!plan.value(x).range.is_real())
    throw input_error("residual=false makes real values: it needs model.stream = membrane");
  if (spec.entry->make) {
    return plan.transform(x, {.name = name}, text_of(*spec.entry, spec.options), make_linear(plan, x, spec),
                          PlanBuilder::Fires::kNo);
  }
  return plan.max_pool(x, name, {.kernel = 3, .stride = 1, .padding = 1});
}

}  // namespace

int64_t add_mixer(PlanBuilder& plan, const BlockStyle& style, int64_t x, const std::string& prefix,
                  const MixerSpec& spec) {
  if (!spec.options.branch) return x;
  plan.check_tokens(x);
  Branch branch(plan, style, x, prefix);
  try {
    if (!spec.options.residual) return replace_by_mixer(plan, x, prefix.substr(0, prefix.size() - 1), spec);
    if (spec.entry->add) {
      spec.entry->add(branch, spec.options);
    } else {
      add_linear(branch, spec);
    }
  } catch (const InputError& error) {
    throw input_error("model.mixer, {}: {}", spec.entry->name, error.what());
  }
  return plan.merge(x, branch.value(), style.merge());
}

}  // namespace spikemix
