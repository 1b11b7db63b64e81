#pragma once

#include <string>
#include <vector>

#include "cli/commands/context.hpp"
#include "cli/commands/verb.hpp"
#include "common/api/plans.hpp"

namespace decom::cli {

/// The options that `plan` and `submit` share.
struct PlanOptions {
  std::vector<std::string> machines;
  std::string file;
  std::string reason;
  std::string ticket;
  std::string shutdown_timeout = "5m";
  bool no_guest_shutdown = false;
  bool records_only = false;
  std::vector<std::string> skip;
  std::string at;

  void add(const Verb& verb);
};

/// As the API takes them, with times made absolute.
api::Options to_api(const PlanOptions& options, Timestamp now);

}  // namespace decom::cli
