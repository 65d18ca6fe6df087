// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace spikemix {

/// What a text begins with.
struct Character {
  size_t bytes = 0;  ///< 1 if it is not UTF-8
  char32_t code = 0;
  bool valid = false;  ///< UTF-8 by RFC 3629: no surrogates, no overlong forms
};

/// The first character of `text`, which must not be empty.
Character first_character(std::string_view text);

bool is_utf8(std::string_view text);

/// `text` as one line that is safe on a terminal: a control character (line breaks, escape codes, direction marks)
/// becomes '?', a byte that is not UTF-8 becomes U+FFFD.
std::string printable(std::string_view text);

/// At most about `bytes` of `text`, whole characters, with "..." for the rest: for errors that name what a file says.
std::string shortened(std::string_view text, size_t bytes = 200);

}  // namespace spikemix
