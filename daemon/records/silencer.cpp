#include "daemon/records/silencer.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/crypto.hpp"

namespace decom {
namespace {

/// Enough that no two machines of a site share one, and short enough for a field of a hundred characters.
constexpr std::size_t kDigits = 16;

}  // namespace

SilenceMark SilenceMark::of(const Machine& machine, const std::string& target, const std::string& number) {
  const Identity& id = machine.identity;
  const std::string all = fmt::format("{}\n{}\n{}\n{}", id.vcenter_uuid, id.moref, id.instance_uuid, target);
  return {.target = target, .token = "decom-" + sha256_hex(all).substr(0, kDigits), .number = number};
}

std::string SilenceMark::head() const { return fmt::format("decom {} ({})", number, token); }

bool SilenceMark::fits(std::string_view comment) const {
  if (!number.empty()) return comment.starts_with(head());
  constexpr std::string_view kStart = "decom ";
  if (!comment.starts_with(kStart)) return false;
  comment.remove_prefix(kStart.size());
  comment.remove_prefix(std::min(comment.find_first_not_of("0123456789."), comment.size()));
  return comment.starts_with(fmt::format(" ({})", token));
}

}  // namespace decom
