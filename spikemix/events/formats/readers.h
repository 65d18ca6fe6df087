#pragma once

#include "spikemix/events/reader.h"

namespace spikemix {

/// AEDAT 2.0, jAER's: lines of text that begin with '#', then 8 bytes an event, big-endian: address, time (us, 32 bits,
/// which begin anew after 71 minutes). The line "# AEChip:" says what the addresses mean:
///  * DVS128: polarity, inverted, in bit 0; the sensor's x in 1..7 and y in 8..14; the picture is turned and flipped
///    against the sensor, as SpikingJelly's reader has it: x = 127 - bits 8..14, y = 127 - bits 1..7. Bit 15 marks a
///    sync signal, which is left out.
///  * DAVIS240 and DAVIS346: bit 31 marks frames and inertial samples, bit 10 external signals: both are left out;
///    polarity in bit 11, x counted from the right in 12..21, y from below in 22..30.
///  * DVS640: polarity in bit 0, x counted from the right in 1..10, y from below in 11..20.
/// Without such a line (CIFAR10-DVS, v2e), options.sensor says it, or the addresses do: those of a DVS128 have 16 bits,
/// those of a DAVIS346 go beyond 240 x 180. What neither says is refused.
bool recognises_aedat2(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_aedat2(ByteSource source, const ReadOptions& options);

/// AEDAT 3.1, cAER's and DVS128 Gesture's: lines of text up to "#!END-HEADER\r\n", then packets: a header of 28 bytes,
/// little-endian (int16 type, source; int32 event size, offset of the time, overflows of the time, capacity, number,
/// valid), then the events. Polarity events (type 1) have 8 bytes: x in bits 17..31, y in 2..16, polarity in 1, valid
/// in 0; int32 us. Packets of other types, and events that are marked as not valid, are left out. The line "#Source"
/// names the sensor.
bool recognises_aedat3(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_aedat3(ByteSource source, const ReadOptions& options);
/// @throws InputError if the sensor is larger than 32768 x 32768
std::unique_ptr<EventWriter> create_aedat3(const std::filesystem::path& path, SensorSize sensor);

/// AEDAT 4, DV's: "#!AER-DAT4.0\r\n", a flatbuffer that describes the streams in XML, then packets (int32 stream, int32
/// size), each a flatbuffer, compressed as a whole: LZ4, zstd or not at all. The first stream of events is read, the
/// others are left out. Behind the packets lies a table of them, whose place is in the header: it may be missing (a
/// recorder that was killed, a writer that makes none), not lie behind the file's end. A cut packet cannot be
/// decompressed: "up to the last whole event" is up to the last packet here.
bool recognises_aedat4(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_aedat4(ByteSource source, const ReadOptions& options);
/// LZ4. @throws InputError if the sensor is larger than 32768 x 32768
std::unique_ptr<EventWriter> create_aedat4(const std::filesystem::path& path, SensorSize sensor);

/// N-MNIST and N-Caltech101 (Orchard et al. 2015): 5 bytes an event, big-endian: x, y, then 1 bit of polarity and 23 of
/// microseconds. An event at y = 240 is none: it adds 2^13 us to the times from there on. Nothing in a file says what
/// it is or how large the sensor was: it is recognised by times that do not run back, and 34 x 34 (N-MNIST) unless the
/// options say otherwise.
bool recognises_nmnist(std::span<const uint8_t> head);
bool enough_for_nmnist(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_nmnist(ByteSource source, const ReadOptions& options);

/// Prophesee DAT (N-CARS): lines of text that begin with '%', a byte for the type of the events (0x00 or 0x0C: those of
/// pixels), a byte for their size (8), then little-endian: 32 bits of microseconds; x in 14 bits, y in 14, polarity
/// in 4.
bool recognises_dat(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_dat(ByteSource source, const ReadOptions& options);

/// Prophesee EVT2 and EVT3 (.raw): lines of text that begin with '%', then words of 32 or 16 bits, little-endian, whose
/// four highest bits say what they are. https://docs.prophesee.ai/stable/data/encoding_formats/
/// Events before the first word that says the time have none, and are left out; so are external signals. Words of
/// reserved types (a camera's padding, a vendor's own) are skipped.
bool recognises_evt2(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_evt2(ByteSource source, const ReadOptions& options);
bool recognises_evt3(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_evt3(ByteSource source, const ReadOptions& options);

/// numpy's npz with t, x, y and p: four arrays (SpikingJelly), or one array of records with these fields (tonic), of
/// any type of integers or of floats that are whole numbers, stored or deflated; other arrays are left alone. Common
/// other names are taken too ("ts", "timestamp", "polarity", "on" ...) where only one array has each. Times are
/// microseconds; fractions are refused unless options.time_unit says what they are. p is 0 and 1, or -1 and 1. Needs a
/// file, not a pipe: a zip's directory is at its end, so a truncated one is refused.
bool recognises_npz(std::span<const uint8_t> head);
std::unique_ptr<EventReader> open_npz(ByteSource source, const ReadOptions& options);
/// Four arrays, stored: t int64, x and y int16, p uint8. @throws InputError if the sensor is larger than 32768 x 32768
std::unique_ptr<EventWriter> create_npz(const std::filesystem::path& path, SensorSize sensor);

}  // namespace spikemix
