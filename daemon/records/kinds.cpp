#include "daemon/records/definition.hpp"
#include "daemon/records/dns_definition.hpp"
#include "daemon/records/exec_program.hpp"
#include "daemon/records/exec_system.hpp"
#include "daemon/records/http_system.hpp"

namespace decom {

const std::vector<RecordKind>& record_kinds() {
  static const std::vector<RecordKind> kinds{
      {.name = "exec",
       .summary = "a program of the site, or a few lines of code, in a sandbox: decom-step(7)",
       .make = make_exec,
       .freeze = freeze_exec},
      http_kind(),
      dns::kind(),
  };
  return kinds;
}

}  // namespace decom
