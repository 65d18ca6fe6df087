# SPDX-License-Identifier: MIT
# For the scripts beside it: root is a folder with Debian's arm64 headers and libraries, unpacked there the first time.
root=build/arm64-root
if [ ! -e "$root/usr/lib/aarch64-linux-gnu/libhwy.so" ]; then
  echo "==> unpacking Debian's arm64 libraries into $root (200 MB)"
  libraries=$(grep -o '[a-z0-9-]*-dev\b' script/bootstrap | sort -u | paste -sd,)
  rm -rf "$root"
  mkdir -p build
  mmdebstrap --quiet --architectures=arm64 --variant=extract \
    --include="libc6-dev,libstdc++-12-dev,$libraries" bookworm "$root"
fi
