// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace spikemix {

// JSON is UTF-8, but names of files, folders and classes need not be. So all JSON is read and written here. A byte that
// is not UTF-8 is written as an escape from \uef80 to \uefff (for 0x80 to 0xff; private characters, as in MirBSD's OPTU
// encoding), and read back as the byte. Characters of that range within a name are also written byte by byte, so every
// text is read back unchanged.

/// The document as text: in one line, or indented by `indent` spaces. Takes any bytes in its strings and keys.
std::string json_text(const nlohmann::json& document, int indent = -1);
std::string json_text(const nlohmann::ordered_json& document, int indent = -1);

/// Parses a document that json_text(), or anybody, wrote.
/// @param what   the start of its errors, such as "config.json:" or "m.safetensors: its header"
/// @param depth  levels of nesting allowed: copying, writing and freeing a document recurse
/// @throws InputError if it is not JSON, is nested deeper, or has a key twice in an object (the last would silently
/// win)
nlohmann::json parse_json(std::string_view text, const std::string& what, int depth = 32);

}  // namespace spikemix
