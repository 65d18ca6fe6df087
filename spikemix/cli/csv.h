// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace spikemix {

/// A text as a CSV field: in quotes, with quotes doubled.
inline std::string csv_field(const std::string& text) {
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

}  // namespace spikemix
