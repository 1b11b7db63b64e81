#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/notices/notice.hpp"

namespace decom::notices {

/// Up to where each channel has told the journal, kept in the store: what was told is not told again after a restart,
/// and what was not is. Any thread.
///
/// A channel's cursor lies before the oldest event that it has yet to tell. Requests of which it has told more than
/// that, while another one waits, are noted beside the cursor.
class Bookmarks {
 public:
  using Save = std::function<void(const std::string& state)>;
  /// `state` is what was saved last; empty, or what makes no sense: nothing was. A channel without a cursor begins at
  /// `end`, since nobody wants to be told what is over.
  Bookmarks(const std::string& state, const std::vector<std::string>& channels, std::int64_t end, Save save);

  /// From where the journal has to be read for all of them.
  [[nodiscard]] std::int64_t start() const;
  /// True for what the channel has told of that request.
  [[nodiscard]] bool told(const std::string& channel, std::int64_t request, std::int64_t seq) const;

  /// It will be told of these events.
  void owes(const std::string& channel, const Notice& notice);
  /// It was told, or was given up. Saves; throws what saving throws, and has noted it nevertheless.
  void settled(const std::string& channel, const Notice& notice);
  /// The journal was read up to `position`, and nothing from `held` on is with the channels yet.
  void reached(std::int64_t position, std::optional<std::int64_t> held);
  /// Channels that are new begin where reading is; those that are gone are forgotten.
  void set_channels(const std::vector<std::string>& channels);
  void save();

 private:
  struct Mark {
    std::int64_t cursor = 0;
    std::map<std::int64_t, std::int64_t> ahead;  ///< by request: told up to, beyond the cursor
    std::multiset<std::int64_t> owed;            ///< first events of notices under way
  };
  void advance();
  void save_locked();

  Save save_;
  mutable std::mutex mutex_;
  std::map<std::string, Mark> marks_;
  std::int64_t position_ = 0;
  std::optional<std::int64_t> held_;
  std::string saved_;
};

}  // namespace decom::notices
