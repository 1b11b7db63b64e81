#pragma once

#include <cstdint>
#include <vector>

#include "daemon/domain/event.hpp"
#include "daemon/store/store.hpp"

namespace decom {

/// What the server reads of the journal. Any thread; blocks on the disk, so never called on the io thread.
class JournalReader {
 public:
  virtual ~JournalReader() = default;
  /// Ascending. Throws `gone` when `since` lies before the oldest one kept.
  [[nodiscard]] virtual std::vector<Event> events(const EventFilter& filter) const = 0;
  [[nodiscard]] virtual std::int64_t last_seq() const = 0;
};

}  // namespace decom
