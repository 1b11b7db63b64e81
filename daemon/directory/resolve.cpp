#include "daemon/directory/resolve.hpp"

#include "common/base/error.hpp"

namespace decom::directory {

namespace {

/// What the resolver's own thread writes to; it must outlive a question that nobody waits for any more.
struct Question {
  std::string host;
  std::string service;
  addrinfo hints{};
  gaicb request{};
};

}  // namespace

Addresses resolve(const std::string& host, std::uint16_t port, Deadline deadline) {
  auto question = std::make_unique<Question>();
  question->host = host;
  question->service = std::to_string(port);
  question->hints.ai_socktype = SOCK_STREAM;
  question->hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;

  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), question->service.c_str(), &question->hints, &found) == 0) return Addresses{found};

  question->hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  question->request.ar_name = question->host.c_str();
  question->request.ar_service = question->service.c_str();
  question->request.ar_request = &question->hints;
  gaicb* requests[] = {&question->request};
  if (const int failed = ::getaddrinfo_a(GAI_NOWAIT, requests, 1, nullptr); failed != 0)
    throw Error{ErrorCode::unreachable, "cannot resolve {}: {}", host, ::gai_strerror(failed)};
  int state = EAI_INPROGRESS;
  while ((state = ::gai_error(&question->request)) == EAI_INPROGRESS) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= Deadline::duration::zero()) {
      // What cannot be cancelled is being answered right now: its memory is given up for good.
      if (::gai_cancel(&question->request) != EAI_CANCELED) (void)question.release();
      throw Error{ErrorCode::timed_out, "cannot resolve {}: the name servers did not answer in time", host};
    }
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec wait{.tv_sec = seconds.count(),
                        .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
    (void)::gai_suspend(requests, 1, &wait);
  }
  if (state != 0) throw Error{ErrorCode::unreachable, "cannot resolve {}: {}", host, ::gai_strerror(state)};
  return Addresses{question->request.ar_result};
}

}  // namespace decom::directory
