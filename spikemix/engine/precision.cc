// SPDX-License-Identifier: MIT
#include "spikemix/engine/precision.h"

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"

namespace spikemix {

Precision parse_precision(const std::string& name) {
  if (name == "fp32") return Precision::kFp32;
  if (name == "int16") return Precision::kInt16;
  if (name == "int8") return Precision::kInt8;
  throw input_error("no precision {}", unknown_name(name, {"fp32", "int16", "int8"}));
}

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kInt16:
      return "int16";
    case Precision::kInt8:
      return "int8";
  }
  return "";
}

}  // namespace spikemix
