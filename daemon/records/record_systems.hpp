#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/records/definition.hpp"

namespace decom {

/// The systems that definitions describe, made once for each definition: whoever works on one shares its sessions,
/// connections and rate limits. Any thread.
class RecordSystems {
 public:
  explicit RecordSystems(RecordWorld world, std::vector<RecordKind> kinds = record_kinds());

  /// `definition` as a plan has frozen it: JSON, without secrets. Throws `invalid` for a kind that is not known and a
  /// definition that this version cannot use, with a finding a mistake.
  std::shared_ptr<RecordSystem> of(const std::string& kind, const std::string& definition);
  [[nodiscard]] const std::vector<RecordKind>& kinds() const { return kinds_; }

 private:
  struct Made {
    std::shared_ptr<RecordSystem> system;
    std::uint64_t used = 0;
  };

  [[nodiscard]] std::shared_ptr<RecordSystem> make(const std::string& kind, const std::string& definition) const;

  const RecordWorld world_;
  const std::vector<RecordKind> kinds_;
  std::mutex mutex_;  // of all that follows
  std::map<std::string, Made> made_;
  std::uint64_t uses_ = 0;
};

}  // namespace decom
