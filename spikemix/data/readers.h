// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/data/dataset.h"

namespace spikemix {

/// CIFAR-10 and CIFAR-100 in the official binary release (https://www.cs.toronto.edu/~kriz/cifar.html): 50,000 training
/// and 10,000 test images, 32x32 RGB. A record has 1 label byte (CIFAR-100: the coarse, then the fine one, which is the
/// label) and 3,072 bytes, the planes R, G, B. Reads the archive as downloaded, its folder, or a folder that holds one
/// of the two. A file may hold fewer records than the release; a missing file is an error.
bool recognises_cifar10(const std::filesystem::path& path);
bool recognises_cifar100(const std::filesystem::path& path);
std::unique_ptr<Dataset> open_cifar10(const std::filesystem::path& path, Split split);
std::unique_ptr<Dataset> open_cifar100(const std::filesystem::path& path, Split split);

/// MNIST's IDX files (http://yann.lecun.com/exdb/mnist): a big-endian magic number, one 32-bit size for each dimension,
/// then the bytes. 60,000 training and 10,000 test ("t10k") images in MNIST and Fashion-MNIST; ten classes, with
/// Fashion-MNIST's names if the path contains "fashion" and digits otherwise.
bool recognises_idx(const std::filesystem::path& path);
std::unique_ptr<Dataset> open_idx(const std::filesystem::path& path, Split split);

/// Any tree train/CLASS/... and test/CLASS/... (or val/; splits.h) of picture files (decode.h), the layout of
/// torchvision's ImageFolder. It may be a folder, an archive of it (tar: plain, gz, bz2, xz, zst; zip), or a folder of
/// two archives, train.tar* and test.tar*, whose members are CLASS/... . Classes are train's, sorted by name (test's,
/// if there is no train); images are sorted by name within their class. An archive's files are held in memory unchanged
/// (CIFAR-10 in JPEG: 60 MB); pictures are decoded when they are requested. Files of other kinds are ignored. The
/// report counts pictures that are left out, and test pictures that are also training pictures.
bool recognises_image_folder(const std::filesystem::path& path);
std::unique_ptr<Dataset> open_image_folder(const std::filesystem::path& path, Split split);

}  // namespace spikemix
