#include "daemon/directory/security.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace decom::directory;

namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
  return bytes;
}

// Owner and group as Samba packs them; the DACL follows.
const std::string kHead =
    "010004801400000030000000000000004c000000010500000000000515000000010000000200000003000000000200000105000000000005"
    "150000000100000002000000030000000002000004";

// (D;;SDDT;;;WD)(A;;RPLCLORC;;;AU)
const std::string kProtected =
    kHead + "003000020000000100140040000100010100000000000100000000000014009400020001010000000000050b000000";

}  // namespace

TEST_CASE("a denial of deletion for everybody is protection") {
  CHECK(denies_deletion(from_hex(kProtected)));
  // (A;;RPLCLORC;;;AU)(D;;DTSD;;;AU)
  CHECK(denies_deletion(from_hex(
      kHead + "00300002000000000014009400020001010000000000050b000000010014004000010001010000000000050b000000")));
  // (OD;;CCDC;bf967a86-…;;WD)(D;;SD;;;WD): an object's entry in front
  CHECK(denies_deletion(from_hex(kHead +
                                 "00440002000000060028000300000001000000867a96bfe60dd011a28500aa003049e201010000000000"
                                 "01000000000100140000000100010100000000000100000000")));
}

TEST_CASE("a denial for somebody, or for what is below, is none") {
  // (D;;SDDT;;;DA)(A;;RPLCLORC;;;AU)
  CHECK_FALSE(denies_deletion(
      from_hex(kHead + "0040000200000001002400400001000105000000000005150000000100000002000000030000000002000000"
                       "0014009400020001010000000000050b000000")));
  // (D;CIIO;SDDT;;;WD)(A;;SD;;;WD)
  CHECK_FALSE(denies_deletion(from_hex(
      kHead + "00300002000000010a140040000100010100000000000100000000000014000000010001010000000000010000" + "0000")));
}

TEST_CASE("a descriptor that is cut anywhere is read within its bounds") {
  const std::string whole = from_hex(kProtected);
  CHECK_FALSE(denies_deletion(""));
  for (std::size_t size = 0; size < whole.size(); ++size) (void)denies_deletion(std::string(whole.substr(0, size)));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string spoiled = whole;
    spoiled[i] = static_cast<char>(0xff);
    (void)denies_deletion(spoiled);
  }
}
