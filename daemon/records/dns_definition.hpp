#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/records/definition.hpp"
#include "daemon/records/dns_link.hpp"
#include "daemon/records/dns_name.hpp"

namespace decom::dns {

struct TsigOptions {
  std::string name;
  std::string algorithm = "hmac-sha256";
  std::string secret_file;
};

struct GssOptions {
  std::string keytab_file;
  std::string principal;
  std::string service;  ///< empty: "DNS/" and the server's name
};

/// A definition of the kind `dns`, as decomd-records(5) describes it.
struct Options {
  std::vector<Server> servers;  ///< the first that answers does all of one call
  std::vector<Name> zones;
  std::vector<std::string> never;
  std::optional<TsigOptions> tsig;  ///< exactly one of the two
  std::optional<GssOptions> gss;
  bool transfer = true;  ///< whether aliases are looked for in whole zones
  std::chrono::milliseconds timeout{5000};
};

/// Nothing where there is a mistake.
std::optional<Options> read_options(DefinitionReader& reader);

/// The kind's row in `record_kinds()`.
RecordKind kind();

}  // namespace decom::dns
