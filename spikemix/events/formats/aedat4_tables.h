// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <flatbuffers/flatbuffers.h>

#include "spikemix/events/event.h"

// The flatbuffers of AEDAT 4, as flatc would declare them from
//   table IOHeader { compression: int32; dataTablePosition: long = -1; infoNode: string; }          "IOHE"
//   struct Event { timestamp: long; x: short; y: short; on: bool; }
//   table EventPacket { elements: [Event]; }                                                         "EVTS"
//   struct PacketHeader { StreamID: int32; Size: int32; }
//   table FileDataDefinition { ByteOffset: long; PacketInfo: PacketHeader; NumElements: long; TimestampStart: long;
//                              TimestampEnd: long; }
//   table FileDataTable { Table: [FileDataDefinition]; }                                             "FTAB"
// (https://docs.inivation.com: AEDAT 4.0). Written by hand, because it is less than adding flatc to the build's tools.
namespace spikemix::aedat4 {

constexpr std::string_view kMagic = "#!AER-DAT4.0\r\n";

enum Compression : int32_t { kNone = 0, kLz4 = 1, kLz4High = 2, kZstd = 3, kZstdHigh = 4 };

/// The place of a table's field number `i` in its vtable.
constexpr flatbuffers::voffset_t field(int i) { return flatbuffers::voffset_t(4 + 2 * i); }

struct IOHeader : flatbuffers::Table {
  int32_t compression() const { return GetField<int32_t>(field(0), 0); }
  int64_t data_table() const { return GetField<int64_t>(field(1), -1); }
  const flatbuffers::String* info() const { return GetPointer<const flatbuffers::String*>(field(2)); }
  bool Verify(flatbuffers::Verifier& v) const {
    return VerifyTableStart(v) && VerifyField<int32_t>(v, field(0), 4) && VerifyField<int64_t>(v, field(1), 8) &&
           VerifyOffset(v, field(2)) && v.VerifyString(info()) && v.EndTable();
  }
};

/// spikemix::Event has the same layout; its p is a bool here.
using Events = flatbuffers::Vector<const Event*>;

struct EventPacket : flatbuffers::Table {
  const Events* elements() const { return GetPointer<const Events*>(field(0)); }
  bool Verify(flatbuffers::Verifier& v) const {
    return VerifyTableStart(v) && VerifyOffset(v, field(0)) && v.VerifyVector(elements()) && v.EndTable();
  }
};

struct PacketHeader {
  int32_t stream, size;
};

}  // namespace spikemix::aedat4
