// SPDX-License-Identifier: MIT
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

/// The network interfaces in GLOO_SOCKET_IFNAME, each once: "eth0,eth1", in PyTorch's syntax. Collectives alternate
/// between them.
/// @throws InputError if this machine lacks one
std::vector<std::string> gloo_interfaces();

/// c10d's Gloo between the ranks of `launch`, over the network on which rank 0 is reached, or over gloo_interfaces().
/// abort() ends its allreduce() and broadcast() from any thread. c10d's own group has no such call and needs one: when
/// Gloo closes a lost connection, it ends operations that wait to receive, but not a send that waits to be written,
/// which lasts until its timeout.
/// @param timeout  of a collective that the others do not join
/// @throws whatever c10d throws if the ranks do not connect
c10::intrusive_ptr<c10d::Backend> join_gloo(const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch,
                                            std::chrono::milliseconds timeout);

}  // namespace spikemix
