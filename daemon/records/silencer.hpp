#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/records/record.hpp"
#include "daemon/records/record_system.hpp"

namespace decom {

/// How a silence of ours is known again: by the beginning of its comment, "decom 17.3 (decom-5f3a90…): …".
///
/// The part in parentheses stands for the machine and for what of it is silenced, and nobody else's silence has it. The
/// number tells those of several requests for the same machine apart: the end of one does not lift the other's.
struct SilenceMark {
  std::string target;  ///< id of what is silenced, as `Silencer::targets` gave it
  std::string token;   ///< "decom-5f3a90…": letters, digits and '-'
  std::string number;  ///< "17.3"; empty: of whatever request

  static SilenceMark of(const Machine& machine, const std::string& target, const std::string& number);
  /// What the comment begins with.
  [[nodiscard]] std::string head() const;
  /// Whether a silence with this comment is meant.
  [[nodiscard]] bool fits(std::string_view comment) const;
};

/// A silence that was found again.
struct FoundSilence {
  std::string id;                  ///< by which it is lifted
  std::optional<Timestamp> until;  ///< when it ends by itself, where the system says so
};

/// What of a RecordSystem makes a monitoring quiet about a machine for a while, and loud again.
///
/// Threads, limits and errors as of RecordSystem; `lost`: it may have been set, or lifted.
class Silencer {
 public:
  virtual ~Silencer() = default;

  /// How long a silence lasts where nobody lifts it.
  [[nodiscard]] virtual std::chrono::milliseconds lasts() const = 0;
  /// Whether `targets` has to ask the system, as `find` does.
  [[nodiscard]] virtual bool asks_for_targets() const = 0;
  /// What would be silenced, each with the evidence for and against that it is this machine's. Changes nothing.
  virtual std::vector<Record> targets(const Machine& machine, const RecordCall& call) = 0;
  /// The silences of this mark that are there, ended or not. Changes nothing.
  virtual std::vector<FoundSilence> silences(const SilenceMark& mark, const RecordCall& call) = 0;
  /// Sets one that says `words` behind the mark's head. Sent at most once.
  virtual void silence(const SilenceMark& mark, const std::string& words, Timestamp until, const RecordCall& call) = 0;
  /// Lifts all of this mark and looks again; how many there were. That there was none is proof, as far as the system
  /// can give any. May be called again.
  virtual std::size_t lift(const SilenceMark& mark, const RecordCall& call) = 0;
};

}  // namespace decom
