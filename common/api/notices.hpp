#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/api/wire_type.hpp"
#include "common/base/json.hpp"

namespace decom::api {

/// A way to tell people: a file of notices.d, and how it fares since the daemon's start.
struct NoticeChannel {
  std::string name;
  std::string kind;             ///< "webhook" or "mail"
  std::string shape;            ///< of a webhook; empty else
  std::string where;            ///< a webhook's host and port, or addresses and mail server
  std::string source;           ///< its file
  std::vector<std::string> on;  ///< start, finish, failure, attention
  std::int64_t told = 0;
  std::int64_t failed = 0;   ///< given up
  std::int64_t waiting = 0;  ///< not told yet
  std::optional<std::string> last_told;
  std::string trouble;  ///< of the last attempt; empty where it went well
  std::optional<std::string> trouble_at;
};
DECOM_WIRE_TYPE(NoticeChannel)

/// GET /v1/notices
struct Notices {
  std::vector<NoticeChannel> items;
};
DECOM_WIRE_TYPE(Notices)

/// POST /v1/notices/test
struct NoticesTestBody {
  std::vector<std::string> channels;  ///< none: all of them
  std::int64_t timeout_ms = 0;        ///< 0: the timeout of each
};
DECOM_WIRE_TYPE(NoticesTestBody)

struct NoticeTest {
  std::string channel;
  bool ok = false;
  std::string text;  ///< where it went, or what went wrong
  std::int64_t elapsed_ms = 0;
};
DECOM_WIRE_TYPE(NoticeTest)

struct NoticesTestAnswer {
  std::vector<NoticeTest> items;
};
DECOM_WIRE_TYPE(NoticesTestAnswer)

/// Of a request: somebody was to be told, and was not.
struct FailedNotice {
  std::string at;
  std::string text;
};
DECOM_WIRE_TYPE(FailedNotice)

}  // namespace decom::api
