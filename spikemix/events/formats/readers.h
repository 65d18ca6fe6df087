// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/events/reader.h"

namespace spikemix {

/// AEDAT 2.0, jAER's: lines of text that begin with '#', then 8 bytes for each event, big-endian: address, time (us, 32
/// bits, which restarts after 71 minutes). The line "# AEChip:" gives the meaning of the addresses:
///  * DVS128: polarity, inverted, in bit 0; the sensor's x in 1..7 and y in 8..14; the picture is rotated and flipped
///    against the sensor, as in SpikingJelly's reader: x = 127 - bits 8..14, y = 127 - bits 1..7. Bit 15 marks a
///    sync signal, which is left out.
///  * DAVIS240 and DAVIS346: bit 31 marks frames and inertial samples, bit 10 external signals: both are left out;
///    polarity in bit 11, x counted from the right in 12..21, y from below in 22..30.
///  * DVS640: polarity in bit 0, x counted from the right in 1..10, y from below in 11..20.
/// Without such a line (CIFAR10-DVS, v2e), options.sensor decides, or the addresses: those of a DVS128 have 16 bits,
/// those of a DAVIS346 go past 240 x 180. If neither decides, the file is refused.
bool recognises_aedat2(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_aedat2(ByteSource source, const ReadOptions& options);

/// AEDAT 3.1, used by cAER and DVS128 Gesture: lines of text up to "#!END-HEADER\r\n", then packets: a header of 28
/// bytes, little-endian (int16 type, source; int32 event size, offset of the time, overflows of the time, capacity,
/// number, valid), then the events. Polarity events (type 1) have 8 bytes: x in bits 17..31, y in 2..16, polarity in 1,
/// valid in 0; int32 us. Packets of other types, and events marked as invalid, are left out. The line "#Source" names
/// the sensor.
bool recognises_aedat3(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_aedat3(ByteSource source, const ReadOptions& options);
/// @throws InputError if the sensor is larger than 32768 x 32768
std::unique_ptr<EventWriter> create_aedat3(const std::filesystem::path& path, SensorSize sensor);
/// Does a file that begins with these bytes come from that writer? No camera says its time of day.
bool is_aedat3_of_ours(std::string_view beginning);

/// AEDAT 4, DV's: "#!AER-DAT4.0\r\n", a flatbuffer that describes the streams in XML, then packets (int32 stream, int32
/// size), each a flatbuffer, compressed as a whole with LZ4, zstd or not at all. The first stream of events is read,
/// the others are left out. After the packets comes a table of them, whose place is in the header. It may be missing (a
/// recorder that was killed, a writer that makes none), but must not be past the file's end. A cut packet cannot be
/// decompressed, so "up to the last whole event" means up to the last packet here.
bool recognises_aedat4(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_aedat4(ByteSource source, const ReadOptions& options);
/// LZ4. @throws InputError if the sensor is larger than 32768 x 32768
std::unique_ptr<EventWriter> create_aedat4(const std::filesystem::path& path, SensorSize sensor);

/// N-MNIST and N-Caltech101 (Orchard et al. 2015): 5 bytes for each event, big-endian: x, y, then 1 bit of polarity and
/// 23 of microseconds. An event at y = 240 is not an event: it adds 2^13 us to all later times. Nothing in a file gives
/// its format or the sensor's size: it is recognised by times that do not run back, and is 34 x 34 (N-MNIST) unless the
/// options say otherwise.
bool recognises_nmnist(std::span<const uint8_t> head);
bool enough_for_nmnist(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_nmnist(ByteSource source, const ReadOptions& options);

/// Prophesee DAT (N-CARS): lines of text that begin with '%', a byte for the type of the events (0x00 or 0x0C: pixels),
/// a byte for their size (8), then little-endian: 32 bits of microseconds; 14 bits of x, 14 of y, 4 of polarity.
bool recognises_dat(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_dat(ByteSource source, const ReadOptions& options);

/// Prophesee EVT2 and EVT3 (.raw): lines of text that begin with '%', then words of 32 or 16 bits, little-endian, whose
/// four highest bits are the type. https://docs.prophesee.ai/stable/data/encoding_formats/ Events before the first word
/// with a time have no time and are left out; so are external signals. Words of reserved types (a camera's padding,
/// vendors' additions) are skipped.
bool recognises_evt2(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_evt2(ByteSource source, const ReadOptions& options);
bool recognises_evt3(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_evt3(ByteSource source, const ReadOptions& options);

/// numpy's npz with t, x, y and p: four arrays (SpikingJelly), or one array of records with these fields (tonic), of
/// any type of integers or of floats that are whole numbers, stored or deflated; other arrays are ignored. Other common
/// names are accepted ("ts", "timestamp", "polarity", "on" ...) if only one array has each. Times are microseconds;
/// fractions are refused unless options.time_unit gives their unit. p is 0 and 1, or -1 and 1. Needs a file, not a
/// pipe: a zip's directory is at its end, so a truncated one is refused.
bool recognises_npz(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_npz(ByteSource source, const ReadOptions& options);
/// Four arrays, stored: t int64, x and y int16, p uint8. @throws InputError if the sensor is larger than 32768 x 32768
std::unique_ptr<EventWriter> create_npz(const std::filesystem::path& path, SensorSize sensor);

}  // namespace spikemix
