// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace spikemix {

using Bytes = std::vector<uint8_t>;

/// Does the name end like a tar's: .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz, .txz, .tar.zst?
bool is_tar_name(const std::filesystem::path& file);

/// Is it a tar's name, or does it end with .zip?
bool is_archive_name(const std::filesystem::path& file);

/// A name without its archive ending: "train.tar.gz" becomes "train". Any other name is unchanged.
std::string archive_stem(std::string_view name);

/// Files and folders that systems and programs leave among the user's: ".x", "._x", "__MACOSX", "Thumbs.db".
/// @param name without the folders above it
bool is_hidden_name(std::string_view name);

/// What to do with a file of an archive.
enum class Choice { kSkip, kTake, kStop };

/// Reads a tar or zip from front to back until it ends or `choose(name, folder)` returns kStop; `take(name, bytes)`
/// gets each chosen file. Names, memory and errors as for read_tar.
void read_archive(const std::filesystem::path& file,
                  const std::function<Choice(const std::string&, bool folder)>& choose,
                  const std::function<void(std::string, Bytes)>& take);

/// Reads a tar from front to back, compressed or not, in memory proportional to what is taken. `want(name, folder)` is
/// asked for each file and folder; `take(name, bytes)` gets each file that was wanted. Names are as stored, without
/// "./" at the start and "/" at the end; names in a zip that are not UTF-8 are read as code page 437, as the format
/// says. @throws InputError naming the file (damaged, cut short, not a tar)
void read_tar(const std::filesystem::path& file, const std::function<bool(const std::string&, bool folder)>& want,
              const std::function<void(std::string, Bytes)>& take);

/// Reads a whole file. @throws InputError naming it
Bytes read_bytes(const std::filesystem::path& file);

/// Reads the first `limit` bytes of a file, decompressed if it is gzip; fewer if there are fewer. Memory grows with
/// what is really there, so a limit from a damaged header does no harm. @throws InputError naming the file
Bytes read_maybe_gzip(const std::filesystem::path& file, size_t limit);

}  // namespace spikemix
