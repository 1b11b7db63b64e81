#pragma once

#include <csignal>

#include "cli/client/descriptor.hpp"

namespace decom::cli {

/// Ctrl-C and a new size of the window as a file that can be waited for, while it lives.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  [[nodiscard]] int fd() const { return fd_.get(); }
  enum class What { nothing, interrupted, resized };
  What take();

 private:
  Descriptor fd_;
  sigset_t before_{};
};

}  // namespace decom::cli
