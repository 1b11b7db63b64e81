#include "daemon/engine/backoff.hpp"

#include <algorithm>
#include <random>

namespace decom {

std::chrono::milliseconds backoff_cap(std::chrono::milliseconds first, std::chrono::milliseconds most, int tries) {
  auto cap = first;
  for (int i = 0; i < tries && cap < most; ++i) cap *= 2;
  return std::min(cap, most);
}

std::chrono::milliseconds jittered(std::chrono::milliseconds cap) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return std::chrono::milliseconds{std::uniform_int_distribution<std::chrono::milliseconds::rep>{
      0, std::max(cap.count(), decltype(cap.count()){0})}(random)};
}

}  // namespace decom
