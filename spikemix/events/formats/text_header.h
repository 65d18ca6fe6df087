// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "spikemix/events/source.h"

namespace spikemix {

/// The lines of text at the start of many recordings: each begins with the same character ('#' in AEDAT, '%' in
/// Prophesee's files), so that the data can follow directly.
struct TextHeader {
  std::string text;   ///< as in the file, line ends included
  bool cut = false;   ///< the bytes end within a line
  bool whole = true;  ///< no more lines can come

  /// The text after `key` in its line, without surrounding blanks; nullopt without such a line. Case does not matter.
  std::optional<std::string> value(std::string_view key) const;
};

/// The lines at the start of `head` that begin with `mark`, up to and including the line `last` (if one is given).
/// Anything that does not look like text is data, even if its first byte happens to be a mark.
TextHeader read_text_header(std::span<const uint8_t> head, char mark, std::string_view last = {});

/// Reads the lines at `source`, which then continues after them: up to 16 MiB, because jAER writes all its preferences
/// there.
/// @throws InputError if the file ends within a line
TextHeader read_text_header(ByteSource& source, char mark, std::string_view last = {});

/// "640x480" and "640 x 480": two numbers of at most five digits; nullopt for anything else.
std::optional<std::pair<int, int>> parse_size(std::string_view text);

}  // namespace spikemix
