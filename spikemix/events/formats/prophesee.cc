// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/prophesee.h"

#include <algorithm>
#include <cctype>

#include "spikemix/base/error.h"
#include "spikemix/base/text.h"

namespace spikemix {
namespace {

constexpr std::string_view kGeometry = "% geometry ";

}  // namespace

bool prophesee_header_is_whole(std::span<const uint8_t> head) { return read_text_header(head, '%', "% end").whole; }

std::string prophesee_encoding(const TextHeader& header) {
  if (const auto format = header.value("% format ")) return format->substr(0, format->find(';'));
  if (auto version = header.value("% evt ")) {  // "3.0" -> "EVT3", "2.1" -> "EVT21"
    if (version->ends_with(".0")) version->resize(version->size() - 2);
    std::erase(*version, '.');
    return "EVT" + *version;
  }
  return {};
}

SensorSize prophesee_sensor(const TextHeader& header, const std::string& where) {
  std::string text;
  if (const auto geometry = header.value(kGeometry)) {
    text = *geometry;
    for (size_t at = 0; at < header.text.size();) {
      const size_t end = std::min(header.text.find('\n', at), header.text.size());
      const auto other = TextHeader{header.text.substr(at, end - at)}.value(kGeometry);
      if (other && parse_size(*other) != parse_size(text)) {
        throw input_error("{}: its header gives the sensors {} and {}, expected one; name it (--size)", where,
                          printable(shortened(text, 40)), printable(shortened(*other, 40)));
      }
      at = end + 1;
    }
  } else {
    for (const auto& [width_key, height_key] : {std::pair("% width ", "% height "), std::pair("width=", "height=")}) {
      const auto width = header.value(width_key), height = header.value(height_key);
      if (!width || !height) continue;
      text = width->substr(0, width->find(';')) + "x" + height->substr(0, height->find(';'));
      break;
    }
  }
  const auto size = parse_size(text);
  if (!size && !text.empty()) {
    throw input_error("{}: its header gives the sensor {}, expected WIDTHxHEIGHT, 1 to 65536 each; name it (--size)",
                      where, printable(shortened(text, 40)));
  }
  return size ? SensorSize{size->first, size->second} : SensorSize{};
}

}  // namespace spikemix
