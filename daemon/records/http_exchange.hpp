#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/records/http_recipe.hpp"
#include "daemon/records/http_session.hpp"
#include "daemon/records/http_wire.hpp"
#include "daemon/records/record_system.hpp"
#include "daemon/records/testimony.hpp"

namespace decom::http {

/// One call of a system: its requests share a connection, and a login. The verbs are those of `RecordSystem`.
class Exchange {
 public:
  Exchange(const Recipe& recipe, const RecordWorld& world, Pace& pace, Session& session, const RecordCall& call)
      : recipe_(recipe), session_(session), wire_(recipe, world, pace, call) {}

  std::vector<Record> find(const Machine& machine);
  std::optional<Record> read(const Machine& machine, const std::string& id);
  std::string remove(const Machine& machine, const Record& record);
  std::string control();

  /// With the credential. Throws what `Wire::send` does, and where the answer does not say what is expected.
  Answer ask(const Request& request, Purpose purpose, const Values& values, const std::string& what,
             const std::optional<std::string>& url = std::nullopt);
  /// Of every request.
  [[nodiscard]] Values values() const { return wire_.values(); }

 private:
  [[nodiscard]] std::string past() const;
  void search(const Machine& machine, const Request& request, const Values& values, std::vector<Record>& records);
  Testimony more_of(const Values& by_id, const std::string& what);
  std::string verify(const Machine& machine, const Record& record, const Values& values);

  const Recipe& recipe_;
  Session& session_;
  Wire wire_;
};

}  // namespace decom::http
