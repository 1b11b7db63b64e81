#include "daemon/domain/os_family.hpp"

#include <algorithm>
#include <array>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

struct FamilyName {
  OsFamily family;
  std::string_view name;
};
constexpr std::array kFamilyNames{FamilyName{OsFamily::windows, "windows"}, FamilyName{OsFamily::linux_, "linux"},
                                  FamilyName{OsFamily::other, "other"}, FamilyName{OsFamily::ambiguous, "ambiguous"}};

// Prefixes of VirtualMachineGuestOsIdentifier, vSphere Web Services API 8.0.
constexpr std::array<std::string_view, 2> kWindows{"win", "longhorn"};
constexpr std::array<std::string_view, 24> kLinux{
    "rhel", "redhat", "centos",       "oracleLinux", "fedora",     "sles",       "suse",         "opensuse",
    "sld",  "debian", "ubuntu",       "asianux",     "mandr",      "turboLinux", "nld9",         "oes",
    "sjds", "coreos", "vmwarePhoton", "amazonlinux", "rockylinux", "almalinux",  "genericLinux", "crxPod"};

}  // namespace

std::string_view to_string(OsFamily family) {
  return std::ranges::find(kFamilyNames, family, &FamilyName::family)->name;
}

OsFamily os_family_from(std::string_view name) {
  const auto row = std::ranges::find(kFamilyNames, name, &FamilyName::name);
  if (row == kFamilyNames.end()) throw Error{ErrorCode::invalid, "'{}' is not an operating system family", name};
  return row->family;
}

OsFamily family_of_guest_id(std::string_view guest_id) {
  const auto starts = [&](std::string_view prefix) { return guest_id.starts_with(prefix); };
  if (std::ranges::any_of(kWindows, starts)) return OsFamily::windows;
  // "other26xLinux64Guest" is Linux, "otherGuest64" is nobody knows what.
  if (starts("other")) return guest_id.find("Linux") != std::string_view::npos ? OsFamily::linux_ : OsFamily::other;
  if (std::ranges::any_of(kLinux, starts)) return OsFamily::linux_;
  return OsFamily::other;
}

OsFamily family_of(std::string_view guest_id, std::string_view tools_guest_id) {
  const OsFamily configured = family_of_guest_id(guest_id);
  if (tools_guest_id.empty()) return configured;
  const OsFamily reported = family_of_guest_id(tools_guest_id);
  return reported == configured ? configured : OsFamily::ambiguous;
}

}  // namespace decom
