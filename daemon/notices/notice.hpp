#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/notices/channel_options.hpp"

namespace decom::notices {

/// Something that one event says.
struct Item {
  std::int64_t seq = 0;
  Occasion occasion = Occasion::attention;
  int machine = 0;   ///< its ordinal; 0: the request, or the daemon, as a whole
  std::string name;  ///< of the machine
  std::string text;  ///< why, for people
};

/// What the events of one request come to, and people are told of at once. Its items ascend.
struct Draft {
  std::int64_t request = 0;  ///< 0: the daemon as a whole
  Timestamp at{};            ///< of its last item
  std::vector<Item> items;

  [[nodiscard]] std::int64_t first_seq() const { return items.empty() ? 0 : items.front().seq; }
  [[nodiscard]] std::int64_t last_seq() const { return items.empty() ? 0 : items.back().seq; }
};

/// What is said of a request beside what happened, as of now.
struct RequestFacts {
  std::string requester;
  std::string requester_sam;
  std::string reason;
  std::string ticket;
  std::optional<Timestamp> first_started;
  int first_machine = 0;  ///< that was begun at `first_started`
  struct MachineFacts {
    int ordinal = 0;
    std::string name;
    std::string vcenter;
    DecommissionState state{};
    std::string reason;
    int warnings = 0;
  };
  std::vector<MachineFacts> machines;

  [[nodiscard]] int warnings() const;
  [[nodiscard]] std::map<DecommissionState, int> counts() const;
};
RequestFacts facts_of(const Request& request);

/// Requests of which nobody could be told in time, in one message. Bounded, whatever there was.
struct Summary {
  struct Row {
    std::string requester;
    bool started = false;
    std::string finished;  ///< state; empty: not by then
    int failed = 0;
    int attention = 0;
    std::int64_t last_seq = 0;
  };
  std::map<std::int64_t, Row> requests;  ///< at most kMost; 0 is the daemon as a whole
  std::int64_t more = 0;                 ///< notices of requests beyond
  Timestamp since{};

  static constexpr std::size_t kMost = 500;
  void add(const Draft& draft, const RequestFacts& facts);
};

/// One message for one channel.
struct Notice {
  enum class Kind { request, daemon, summary, test };
  Kind kind = Kind::request;
  std::string id;  ///< the same after a restart, so that a receiver can tell a notice that comes twice
  Draft draft;     ///< with what the channel wants to hear of alone
  RequestFacts facts;
  Summary summary;
  std::string host;                ///< that we run on
  std::vector<std::int64_t> owed;  ///< the first event of each draft that it tells of

  /// The gravest of its items: attention, failure, finish, start.
  [[nodiscard]] Occasion occasion() const;
  /// "finish", "test", …: for people and programs.
  [[nodiscard]] std::string_view what() const;
  [[nodiscard]] std::int64_t request() const { return draft.request; }
};

/// What the channel is told of the draft; nothing where it wants to hear of nothing in it.
std::optional<Notice> notice_for(const ChannelOptions& channel, const Draft& draft, const RequestFacts& facts);

}  // namespace decom::notices
