#include "daemon/records/sandbox_memory.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/core.h>

namespace decom {
namespace {

constexpr std::size_t kMostProcesses = 10'000;

/// proc(5): "RssAnon:	    1234 kB"
std::int64_t resident_bytes_of(pid_t process) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  std::int64_t kilobytes = 0;
  for (std::string key; status >> key;) {
    std::int64_t value = 0;
    if (key == "RssAnon:" || key == "RssShmem:") {
      if (status >> value) kilobytes += value;
    } else {
      std::getline(status, key);
    }
  }
  return kilobytes * 1024;
}

/// proc(5), /proc/PID/task/TID/children. An orphan becomes a child of its namespace's first process, so none is missed
/// for longer than one look.
void add_children(pid_t process, std::vector<pid_t>& all) {
  std::error_code gone;
  std::filesystem::directory_iterator threads(fmt::format("/proc/{}/task", process), gone);
  while (!gone && threads != std::filesystem::directory_iterator()) {
    std::ifstream children(threads->path() / "children");
    for (pid_t child = 0; children >> child;) all.push_back(child);
    threads.increment(gone);
  }
}

}  // namespace

std::int64_t resident_bytes(pid_t first) {
  std::vector<pid_t> all{first};
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < all.size() && all.size() < kMostProcesses; ++i) {
    const pid_t process = all[i];
    bytes += resident_bytes_of(process);
    add_children(process, all);
  }
  return bytes;
}

}  // namespace decom
