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

/// Does the name end as a tar's does: .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz, .txz, .tar.zst?
bool is_tar_name(const std::filesystem::path& file);

/// A tar's name, or one that ends with .zip.
bool is_archive_name(const std::filesystem::path& file);

/// A name without the ending that makes it an archive's: "train.tar.gz" is "train". Any other name as it is.
std::string archive_stem(std::string_view name);

/// Files and folders that systems and programs leave beside the user's: ".x", "._x", "__MACOSX", "Thumbs.db".
/// @param name without the folders above it
bool is_hidden_name(std::string_view name);

/// What to do with a file of an archive.
enum class Choice { kSkip, kTake, kStop };

/// Reads a tar or zip from front to back until it ends or `choose(name, folder)` says kStop; `take(name, bytes)` gets
/// each file that was chosen. Names, memory and errors as with read_tar.
void read_archive(const std::filesystem::path& file,
                  const std::function<Choice(const std::string&, bool folder)>& choose,
                  const std::function<void(std::string, Bytes)>& take);

/// Reads a tar from front to back, compressed or not, in memory proportional to what is taken.
/// `want(name, folder)` is asked for each file and folder; `take(name, bytes)` gets each file that was wanted. Names
/// are as stored, without "./" before and "/" after; those of a zip that are no UTF-8 are read as code page 437, as the
/// format has it. @throws InputError naming the file (damaged, cut short, no tar)
void read_tar(const std::filesystem::path& file, const std::function<bool(const std::string&, bool folder)>& want,
              const std::function<void(std::string, Bytes)>& take);

/// A whole file. @throws InputError naming it
Bytes read_bytes(const std::filesystem::path& file);

/// The first `limit` bytes of a file, decompressed if it is gzip; less if there is less. Memory grows with what is
/// really there, so a limit out of a damaged header does no harm. @throws InputError naming the file
Bytes read_maybe_gzip(const std::filesystem::path& file, size_t limit);

}  // namespace spikemix
