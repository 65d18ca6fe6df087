#pragma once

#include <string>

namespace spikemix {

/// A text as a field of CSV: in quotes, those in it doubled.
inline std::string csv_field(const std::string& text) {
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

}  // namespace spikemix
