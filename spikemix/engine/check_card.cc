#include "spikemix/engine/check_card.h"

#include "spikemix/core/error.h"
#include "spikemix/core/validate.h"

namespace spikemix {

void check_card(const ModelCard& card, const std::string& where) {
  const ModelConfig& m = card.model;
  try {
    validate(m, card.neuron);
  } catch (const InputError& error) {
    throw input_error("{}: its {}", where, error.what());
  }
  if (m.classes < 1) throw input_error("{}: its model.classes = {}: expected 1 or more", where, m.classes);
  if (!card.classes.empty() && int64_t(card.classes.size()) != m.classes)
    throw input_error("{}: names {} classes, model.classes is {}", where, card.classes.size(), m.classes);
  for (const auto* values : {&card.mean, &card.std}) {
    if (!values->empty() && int64_t(values->size()) != m.channels)
      throw input_error("{}: its mean or std has {} values, model.channels is {}", where, values->size(), m.channels);
  }
  for (const double std : card.std) {
    if (!(std > 0)) throw input_error("{}: its std holds {}, expected more than 0", where, std);
  }
}

}  // namespace spikemix
