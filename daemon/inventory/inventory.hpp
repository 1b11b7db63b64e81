#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom {

class MirrorFeed;

/// How fresh the mirror of one vCenter is.
struct MirrorState {
  std::string vcenter;
  std::string uuid;
  bool loaded = false;  ///< a full load was seen since start
  bool connected = false;
  std::size_t machines = 0;
  std::optional<Timestamp> as_of;  ///< last sign of life from vCenter
  /// When the snapshot last held all that vCenter had: a vCenter that is back is not read anew yet.
  std::optional<Clock::Steady> whole_at = {};
  std::string trouble;  ///< why it is not connected, for people
  std::uint64_t generation = 0;
};

struct SearchQuery {
  std::string text;           ///< the query language; empty: everything
  std::string sort = "name";  ///< a field; "-name" descends
  std::size_t limit = 100;    ///< 1 to 10,000
  std::string cursor;         ///< opaque, from an earlier answer
};

struct SearchResult {
  std::vector<Machine> machines;
  std::size_t total = 0;
  bool total_is_at_least = false;  ///< counting stopped at a bound
  std::string next;                ///< cursor; empty at the end
  std::vector<MirrorState> mirrors;
};

/// A syntax error of a query: what, where (byte offset and length), and what would do.
/// Thrown as Error{usage}; its finding's `where` is "offset:length".

/// The live mirror of all vCenters and the search over it. Search never asks vCenter.
/// Any thread. Threads of its own: one a vCenter ("mirror-lab").
class Inventory {
 public:
  Inventory(VcenterPool& vcenters, Clock& clock);
  /// From feeds of any kind (mirror_feed.hpp), one a vCenter.
  Inventory(std::vector<std::unique_ptr<MirrorFeed>> feeds, Clock& clock);
  ~Inventory();

  void start();
  void stop();

  /// Throws `usage` with the place of the mistake; unknown fields name the nearest ones.
  [[nodiscard]] SearchResult search(const SearchQuery& query) const;
  /// By "lab:vm-123"; nullopt when the mirror does not have it.
  [[nodiscard]] std::optional<Machine> by_id(const std::string& id) const;
  /// All machines of exactly this name, case-insensitive.
  [[nodiscard]] std::vector<Machine> by_name(const std::string& name) const;
  /// Names that somebody may have meant.
  [[nodiscard]] std::vector<std::string> nearest_names(const std::string& name, std::size_t most) const;
  /// Live machines that bear this name (VM or guest host name) or address.
  [[nodiscard]] std::vector<Machine> bearing(const std::string& name_or_address) const;
  /// The same where something depends on it that nobody does: throws `unreachable` while any vCenter was not followed
  /// for minutes, since nobody knows what came to it.
  [[nodiscard]] std::vector<Machine> bearing_now(const std::string& name_or_address) const;
  [[nodiscard]] std::vector<MirrorState> states() const;
  /// Blocks until every mirror is loaded or failed once, or the time is over.
  void wait_until_loaded(std::chrono::milliseconds most) const;
  /// Fields of the query language with one line each, for help and completion.
  static std::vector<Finding> fields();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
