#pragma once

#include <filesystem>
#include <memory>

namespace decom {

/// The whole daemon: constructs every room in order, wires the hooks, and takes all down again in the reverse order.
class App {
 public:
  /// Loads the configuration and opens what must be there: state directory, database, socket. A vCenter or a directory
  /// that is away is none of these. Throws Error with every mistake of the configuration at once.
  explicit App(std::filesystem::path config_file);
  ~App();

  /// Runs until SIGTERM or SIGINT. SIGHUP reloads plans. Returns the exit status.
  int run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
