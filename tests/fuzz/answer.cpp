#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/base/error.hpp"
#include "daemon/vsphere/machine_facts.hpp"
#include "daemon/vsphere/soap.hpp"
#include "daemon/vsphere/tasks.hpp"
#include "daemon/vsphere/xml_scanner.hpp"

// What a hostile vCenter may answer. Nothing but Error may come of it, and what comes must not depend on how the
// network cut the bytes.

namespace {

using namespace decom;
using namespace decom::vsphere;

struct Outcome {
  bool taken = false;
  std::string skeleton;
  std::size_t objects = 0;

  bool operator==(const Outcome&) const = default;
};

Outcome read(const std::string& text, std::size_t chunk) {
  Outcome outcome;
  XmlLimits limits;
  limits.token_bytes = 4096;
  limits.object_bytes = 4096;
  limits.piece_bytes = 64;
  XmlScanner scanner(
      "objects",
      [&](std::string& piece) {
        const auto document = parse_xml_in_place(piece);
        auto wrapper = first_element(document);
        while (is_named(first_element(wrapper), "w")) wrapper = first_element(wrapper);
        for (auto object = child_named(wrapper, "objects"); object; object = next_named(object, "objects")) {
          const Machine machine = machine_of(facts_of(object), {});
          outcome.objects += 1 + machine.name.size() + machine.disks.size() + machine.snapshots.size();
        }
      },
      limits);
  try {
    for (std::size_t at = 0; at < text.size(); at += chunk) scanner.feed(std::string_view(text).substr(at, chunk));
    outcome.skeleton = scanner.finish();
    outcome.taken = true;
  } catch (const Error&) {
    outcome = {};
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(text, size + 1);
  if (!(read(text, 1) == whole) || !(read(text, 13) == whole)) std::abort();
  if (!whole.taken) return 0;
  try {
    const SoapReply reply = read_reply(parse_xml(whole.skeleton), "Call");
    if (reply.fault) (void)error_of(*reply.fault, "call", true);
    (void)task_info_of(reply.returnval());
  } catch (const Error&) {  // refused, and that is fine
  }
  return 0;
}
