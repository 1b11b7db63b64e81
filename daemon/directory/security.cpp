#include "daemon/directory/security.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/directory/names.hpp"

namespace decom::directory {

namespace {

constexpr std::size_t kDaclOffset = 16;
constexpr std::uint32_t kDelete = 0x0001'0000;
constexpr std::uint32_t kDeleteTree = 0x40;
constexpr std::uint32_t kAccessDenied = 1;  // ACE type without an object class
constexpr std::uint32_t kInheritOnly = 0x08;

/// A little-endian number of `size` bytes.
std::optional<std::uint32_t> number(std::string_view bytes, std::size_t at, std::size_t size) {
  if (at > bytes.size() || bytes.size() - at < size) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

bool denies(std::string_view ace) {
  const auto type = number(ace, 0, 1), flags = number(ace, 1, 1), mask = number(ace, 4, 4);
  if (!mask || *type != kAccessDenied || (*flags & kInheritOnly) != 0) return false;
  if ((*mask & (kDelete | kDeleteTree)) == 0) return false;
  const auto whom = Sid::from_bytes(ace.substr(8));
  return whom && (whom->text() == "S-1-1-0" || whom->text() == "S-1-5-11");  // Everyone, Authenticated Users
}

}  // namespace

bool denies_deletion(std::string_view descriptor) {
  const auto offset = number(descriptor, kDaclOffset, 4);
  if (!offset || *offset == 0) return false;
  const auto count = number(descriptor, *offset + std::size_t{4}, 2);
  if (!count) return false;
  std::size_t at = *offset + std::size_t{8};
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto size = number(descriptor, at + 2, 2);
    if (!size || *size < 8 || at > descriptor.size() || descriptor.size() - at < *size) return false;
    if (denies(descriptor.substr(at, *size))) return true;
    at += *size;
  }
  return false;
}

}  // namespace decom::directory
