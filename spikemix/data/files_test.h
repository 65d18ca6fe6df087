// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>

#include "spikemix/base/file.h"
#include "spikemix/data/archive.h"
#include "spikemix/data/dataset.h"

// Shared by the tests of this folder: files written by hand in a temporary folder.
namespace spikemix {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const Bytes& bytes) const {
    const fs::path file = dir_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ptrdiff_t(bytes.size()));
    return file;
  }
  fs::path write(const std::string& name, const std::string& text) const {
    return write(name, Bytes(text.begin(), text.end()));
  }

  struct Member {
    std::string name;
    Bytes bytes = {};
    std::string link_to = {};
  };
  /// A tar in the form that `tar` writes; a name that ends with "/" is a folder.
  fs::path write_tar(const std::string& name, const std::vector<Member>& members) const {
    const fs::path file = dir_ / name;
    fs::create_directories(file.parent_path());
    archive* a = archive_write_new();
    archive_write_set_format_pax_restricted(a);
    if (name.ends_with("gz")) archive_write_add_filter_gzip(a);
    if (name.ends_with("xz")) archive_write_add_filter_xz(a);
    if (name.ends_with("zst")) archive_write_add_filter_zstd(a);
    archive_write_open_filename(a, file.c_str());
    for (const Member& member : members) {
      archive_entry* entry = archive_entry_new();
      archive_entry_set_pathname(entry, member.name.c_str());
      archive_entry_set_filetype(entry, member.name.ends_with('/') ? AE_IFDIR : AE_IFREG);
      if (!member.link_to.empty()) {
        archive_entry_set_filetype(entry, AE_IFLNK);
        archive_entry_set_symlink(entry, member.link_to.c_str());
      }
      archive_entry_set_perm(entry, 0755);
      archive_entry_set_size(entry, la_int64_t(member.bytes.size()));
      archive_write_header(a, entry);
      archive_write_data(a, member.bytes.data(), member.bytes.size());
      archive_entry_free(entry);
    }
    EXPECT_EQ(archive_write_close(a), ARCHIVE_OK) << archive_error_string(a);
    archive_write_free(a);
    return file;
  }
  fs::path write_gzip(const std::string& name, const Bytes& bytes) const {
    const fs::path file = dir_ / name;
    archive* a = archive_write_new();
    archive_write_set_format_raw(a);
    archive_write_add_filter_gzip(a);
    archive_write_open_filename(a, file.c_str());
    archive_entry* entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(a, entry);
    archive_write_data(a, bytes.data(), bytes.size());
    archive_entry_free(entry);
    EXPECT_EQ(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return file;
  }

  const TemporaryFolder temporary_;
  const fs::path dir_ = temporary_.path();
};

/// The folder of real data; empty if it does not exist (the test is then skipped).
inline fs::path real_data(const std::string& name) {
  const char* root = std::getenv("SPIKEMIX_TEST_DATA");
  const fs::path path = fs::path(root ? root : "") / name;
  return root && fs::exists(path) ? path : fs::path();
}

/// The picture as a JPEG without subsampling, in one scan or in several.
inline Bytes encode_jpeg(const Image& image, bool progressive = false) {
  jpeg_compress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &out, &size);
  jpeg.image_width = JDIMENSION(image.width), jpeg.image_height = JDIMENSION(image.height);
  jpeg.input_components = int(image.channels);
  jpeg.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  for (int64_t y = 0; y < image.height; ++y) {
    JSAMPROW row = const_cast<JSAMPLE*>(&image.pixels[size_t(y * image.width * image.channels)]);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes bytes(out, out + size);
  std::free(out);
  return bytes;
}

/// Expects `statement` to throw an InputError with this text in its message.
inline void expect_input_error(const std::function<void()>& statement, const std::string& text) {
  EXPECT_THAT(statement, ::testing::ThrowsMessage<InputError>(::testing::HasSubstr(text)));
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace spikemix
