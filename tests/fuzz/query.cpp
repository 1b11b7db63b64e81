#include <cstdlib>
#include <string_view>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "daemon/inventory/match.hpp"
#include "daemon/inventory/sort_key.hpp"

namespace {

using namespace decom;
using namespace decom::inventory;

[[noreturn]] void broken(std::string_view what, std::string_view query) {
  fmt::print(stderr, "{}: {}\n", what, query);
  std::abort();
}

/// A few machines for what parses to run against.
const Chunk& some_chunk() {
  static const Chunk chunk = [] {
    std::vector<Machine> machines(3);
    machines[0].name = "db01";
    machines[1].name = "web01";
    machines[1].guest_host_name = "web01.example.test";
    machines[1].ip_addresses = {"10.1.2.3", "fd00::5"};
    machines[1].annotation = "say \"hello\"";
    machines[1].attributes = {{"owner", "alice"}, {"ticket", "CHG-1"}};
    machines[1].tags = {"env:prod"};
    machines[1].snapshots = {"before"};
    machines[1].identity = {"", "vm-1", "42110001-0000-4000-8000-000000000001"};
    machines[2].name = "Web02";
    return Chunk(machines);
  }();
  return chunk;
}

/// "offset:length" lies within the query, or at its end.
bool is_a_place(const std::string& where, std::size_t size) {
  std::size_t offset = 0;
  std::size_t length = 0;
  if (std::sscanf(where.c_str(), "%zu:%zu", &offset, &length) != 2) return false;  // NOLINT(cert-err34-c): checked
  return offset <= size && length <= size - offset;
}

}  // namespace

/// A query is either understood, and then can be run, or refused as `usage` with a place inside of it. "Not" of it
/// finds exactly the others.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const ParseContext context{from_millis(1'767'225'600'000), {"lab"}};
  try {
    const Node node = parse_query(query, context);
    const RowSet all = RowSet::first(some_chunk().rows());
    const RowSet hits = matching(node, some_chunk(), all);
    RowSet others = all;
    others -= hits;
    if (!(matching(Node{Node::Kind::none, {node}, {}}, some_chunk(), all) == others)) broken("not the others", query);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::usage || error.findings().size() != 1 ||
        !is_a_place(error.findings()[0].where, size))
      broken("an error without a place", query);
  }
  try {
    (void)parse_cursor(query, 0);
    broken("a cursor that nobody wrote", query);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::usage) broken("a cursor is a usage error", query);
  }
  return 0;
}
