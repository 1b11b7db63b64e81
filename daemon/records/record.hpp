#pragma once

#include <string>
#include <vector>

namespace decom {

/// An entry about a machine in another system.
struct Record {
  /// Stable in its system and enough to find it again: "A web01.lab.example.test. 10.0.2.1", "host 10084".
  std::string id;
  std::string what;  ///< for people: "host web01, 10.0.2.1"
  /// What of it agrees with the machine, for people: "name web01", "address 10.0.2.1". Two different ones prove that it
  /// is this machine's.
  std::vector<std::string> facts;
  /// What of it speaks against that: "its UUID is another". Any of these outweighs all facts.
  std::vector<std::string> against;
  /// Why it must not be removed although it is this machine's: "it is a domain controller". Empty: it may.
  std::string forbidden;
  /// Before-image: everything that it says, in a form that is equal while nothing changed.
  std::string before;
  /// Names and addresses that a successor would bear: where a live machine bears one, the record is not removed.
  std::vector<std::string> bears;
  /// What it is part of: records of one whole are removed all or none, so that one that must stay keeps the others.
  /// Empty: it stands alone.
  std::string whole = {};
  /// What its system's `remove` does to it, as a verb for people: "disable", "move". Empty: it removes it.
  std::string effect = {};
  /// Where that leaves something behind: that it is as `remove` leaves it, "is disabled". Nothing is done to it then.
  std::string done = {};

  [[nodiscard]] bool is_proven() const { return facts.size() >= 2 && against.empty(); }
  bool operator==(const Record&) const = default;
};

}  // namespace decom
