# SPDX-License-Identifier: MIT
# For the scripts next to it: ccache keeps compiled files, if it is installed. The Python package is compiled from the
# same files as the release build, in another folder, and this makes the second of the two a matter of seconds. Paths
# are relative to the project's folder, so that both builds see the same ones.
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=${CCACHE_BASEDIR-$PWD}
  export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
fi
