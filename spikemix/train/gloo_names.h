#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

// LibTorch holds Gloo and c10d's header of it, which includes Gloo's own headers; those it does not bring. c10d's
// header only hands on pointers to these types, and everything that looks inside is compiled in LibTorch.
// cmake/process_group.cmake puts this file in the place of the headers, where they are missing.
namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer();
};
}  // namespace transport

namespace rendezvous {
class Store {
 public:
  virtual ~Store();
  virtual void set(const std::string& key, const std::vector<char>& data) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace rendezvous

}  // namespace gloo
