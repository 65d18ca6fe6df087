#pragma once

#include <chrono>

#include <c10/util/intrusive_ptr.h>

#include "spikemix/train/launch.h"

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace spikemix {

/// c10d's Gloo between the ranks of `launch`, over the network that rank 0 is reached by (GLOO_SOCKET_IFNAME names
/// another one). abort() ends its allreduce() and broadcast(), from any thread. c10d's own group has nothing that does,
/// and needs it: when Gloo closes a lost connection, it ends the operations that wait for the peer's word, but not a
/// send that waits to be written, and that waits for all of its timeout.
/// @param timeout  of a collective that the others do not come to
/// @throws what c10d throws if they do not connect
c10::intrusive_ptr<c10d::Backend> join_gloo(const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch,
                                            std::chrono::milliseconds timeout);

}  // namespace spikemix
