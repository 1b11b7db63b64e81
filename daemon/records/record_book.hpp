#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/records/record.hpp"
#include "daemon/records/record_definition.hpp"
#include "daemon/records/record_systems.hpp"

namespace decom {

/// A system that is there without a file of records.d, such as the directory that people log in with.
struct FixedSystem {
  RecordDefinition definition;  ///< name, kind and summary; there is no text of it
  std::shared_ptr<RecordSystem> system;
};

/// What one system says of one machine.
struct RecordAnswer {
  std::string system;
  std::string kind;
  std::vector<Record> records;
  std::optional<ErrorCode> trouble;  ///< it could not be asked: `records` says nothing
  std::string text;                  ///< why it could not; of a test, what was seen
  std::chrono::milliseconds elapsed{};
};

/// The systems that are configured at this moment, and what they say. Changes nothing anywhere. Any thread.
class RecordBook {
 public:
  using Definitions = std::shared_ptr<const std::vector<RecordDefinition>>;

  RecordBook(std::shared_ptr<RecordSystems> systems, Clock& clock, std::vector<RecordDefinition> definitions,
             std::vector<FixedSystem> fixed = {});

  /// On reload: as a whole, so that a look sees one set or the other.
  void replace(std::vector<RecordDefinition> definitions);
  /// The fixed ones first, then those of records.d by name.
  [[nodiscard]] Definitions definitions() const;

  /// Asks every system, or those of `only`, about every machine, side by side. Each has its own deadline (and `most`,
  /// where that is shorter) from now on, so that the whole takes as long as the slowest of them. One list a machine.
  /// Throws `not_found` for a name in `only` that is not configured.
  [[nodiscard]] std::vector<std::vector<RecordAnswer>> look(const std::vector<Machine>& machines,
                                                            const std::vector<std::string>& only,
                                                            std::optional<std::chrono::milliseconds> most,
                                                            const std::stop_token& stop = {}) const;
  /// Tries credential and control of each, side by side.
  [[nodiscard]] std::vector<RecordAnswer> test(const std::vector<std::string>& only,
                                               std::optional<std::chrono::milliseconds> most,
                                               const std::stop_token& stop = {}) const;

 private:
  [[nodiscard]] std::vector<RecordDefinition> chosen(const std::vector<std::string>& only) const;
  [[nodiscard]] std::shared_ptr<RecordSystem> system_of(const RecordDefinition& definition) const;

  std::shared_ptr<RecordSystems> systems_;
  Clock& clock_;
  std::vector<FixedSystem> fixed_;
  mutable std::mutex mutex_;
  Definitions definitions_;
};

}  // namespace decom
