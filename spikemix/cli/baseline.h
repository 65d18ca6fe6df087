// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

namespace spikemix {

struct Setting {
  std::string key, value;
};

/// Splits "model.mixer=ssa model.T=4" at blanks that are outside of [ ] and quotes and precede a key; other blanks
/// belong to a value. A key without = has no value.
std::vector<Setting> settings_in(const std::string& text);

/// Are these the same value in different notation: 1e-3 and 0.001, ["a", "b"] and a,b?
bool same_value(const std::string& a, const std::string& b);

/// Does it have all the wanted values? A missing key counts as empty.
bool has_settings(const std::map<std::string, std::string>& settings, const std::vector<Setting>& wanted);

}  // namespace spikemix
