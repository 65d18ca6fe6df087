#pragma once

#include <map>
#include <string>
#include <vector>

namespace spikemix {

struct Setting {
  std::string key, value;
};

/// "model.mixer=ssa model.T=4", by the blanks that stand outside of [ ]. A word without = is a key without a value.
std::vector<Setting> settings_in(const std::string& text);

/// The same value, however it is written: 1e-3 and 0.001, ["a", "b"] and a,b.
bool same_value(const std::string& a, const std::string& b);

/// Whether it has all that is wanted; a key that it does not have counts as empty.
bool has_settings(const std::map<std::string, std::string>& settings, const std::vector<Setting>& wanted);

}  // namespace spikemix
