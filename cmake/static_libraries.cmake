# SPDX-License-Identifier: MIT
# The libraries that static libraries need, because archives do not name them. libarchive for tar, zip and its filters,
# libtiff for all codecs. If one of those is missing, the shared library is used, which knows its own.
function(spikemix_static_needs target location)
  if(NOT "${location}" MATCHES "\\.a$")
    return()
  endif()
  set(libraries "")
  foreach(name ${ARGN})
    find_library(SPIKEMIX_STATIC_${name} ${name})
    if(NOT SPIKEMIX_STATIC_${name})
      string(REGEX REPLACE "\\.a$" ".so" shared "${location}")
      message(STATUS "${target}: shared, since ${name} is not there")
      set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${shared} IMPORTED_LOCATION_RELEASE ${shared})
      return()
    endif()
    list(APPEND libraries ${SPIKEMIX_STATIC_${name}})
  endforeach()
  set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES ${libraries})
endfunction()

# C++ whose exceptions a shared object cannot take from Debian's archive.
find_library(SPIKEMIX_STATIC_Lerc NAMES libLerc.so Lerc)
spikemix_static_needs(LibArchive::LibArchive "${LibArchive_LIBRARY}" nettle lzma bz2 zstd lz4 z)
spikemix_static_needs(TIFF::TIFF "${TIFF_LIBRARY_RELEASE}" Lerc deflate lzma zstd webp jpeg z)
spikemix_static_needs(spikemix_webpdemux "${WEBPDEMUX_LIBRARY}" webp)
spikemix_static_needs(PNG::PNG "${PNG_LIBRARY_RELEASE}" z)
