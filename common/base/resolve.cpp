#include "common/base/resolve.hpp"

#include <future>
#include <thread>

#include <pthread.h>

#include "common/base/error.hpp"

namespace decom {

namespace {

struct Answer {
  int failed = 0;
  Addresses list;
};

Answer ask(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  return {failed, Addresses{failed == 0 ? found : nullptr}};
}

}  // namespace

Addresses resolve(const std::string& host, std::uint16_t port, Clock::Steady deadline) {
  if (Answer numeric = ask(host, port, AI_NUMERICHOST); numeric.failed == 0) return std::move(numeric.list);

  // A thread of its own, which outlives a question that nobody waits for any more: a lookup cannot be called off.
  std::packaged_task<Answer()> lookup([host, port] { return ask(host, port, AI_ADDRCONFIG); });
  std::future<Answer> answer = lookup.get_future();
  std::thread asker(std::move(lookup));
  ::pthread_setname_np(asker.native_handle(), "resolve");
  asker.detach();
  if (answer.wait_until(deadline) != std::future_status::ready)
    throw Error{ErrorCode::timed_out, "cannot resolve {}: the name servers did not answer in time", host};
  Answer found = answer.get();
  if (found.failed != 0)
    throw Error{ErrorCode::unreachable, "cannot resolve {}: {}", host, ::gai_strerror(found.failed)};
  return std::move(found.list);
}

}  // namespace decom
