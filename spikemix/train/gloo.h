#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <c10/util/intrusive_ptr.h>

#include "spikemix/train/launch.h"

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace spikemix {

/// GLOO_SOCKET_IFNAME's network interfaces, each once: "eth0,eth1", as PyTorch reads it. Collectives take turns on
/// them.
/// @throws InputError if this machine lacks one
std::vector<std::string> gloo_interfaces();

/// c10d's Gloo between the ranks of `launch`, over the network that rank 0 is reached by, or gloo_interfaces(). abort()
/// ends its allreduce() and broadcast(), from any thread. c10d's own group has nothing that does, and needs it: when
/// Gloo closes a lost connection, it ends the operations that wait for the peer's word, but not a send that waits to be
/// written, and that waits for all of its timeout.
/// @param timeout  of a collective that the others do not come to
/// @throws what c10d throws if they do not connect
c10::intrusive_ptr<c10d::Backend> join_gloo(const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch,
                                            std::chrono::milliseconds timeout);

}  // namespace spikemix
