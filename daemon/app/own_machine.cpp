#include "daemon/app/own_machine.hpp"

#include <algorithm>
#include <fstream>

#include "common/base/text.hpp"

namespace decom {

std::optional<std::string> own_machine_uuid() {
  // VMware writes the BIOS UUID as "VMware-42 1a 2b …-… " into the serial number (VMware KB 53609).
  std::ifstream in("/sys/class/dmi/id/product_serial");
  std::string serial;
  if (!std::getline(in, serial) || !serial.starts_with("VMware-")) return std::nullopt;
  std::string hex = folded(serial.substr(7));
  std::erase_if(hex, [](char c) { return c == ' ' || c == '-'; });
  if (hex.size() != 32 || hex.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  for (const std::size_t at : {std::size_t{8}, std::size_t{13}, std::size_t{18}, std::size_t{23}}) hex.insert(at, "-");
  return hex;
}

}  // namespace decom
