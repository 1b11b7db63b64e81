#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/vsphere/xml_reader.hpp"
#include "daemon/vsphere/xml_writer.hpp"

namespace decom::vsphere {

/// ManagedObjectReference
struct MoRef {
  std::string type;
  std::string value;

  [[nodiscard]] bool empty() const { return value.empty(); }
  auto operator<=>(const MoRef&) const = default;
};

MoRef moref_of(const pugi::xml_node& node);
inline MoRef machine_ref(const std::string& moref) { return {"VirtualMachine", moref}; }
inline MoRef task_ref(const std::string& moref) { return {"Task", moref}; }

/// One request, written element by element in the order of the WSDL.
class SoapCall {
 public:
  SoapCall(std::string_view method, const MoRef& self);

  SoapCall& element(std::string_view name, std::string_view value);
  SoapCall& element(std::string_view name, bool value) { return element(name, value ? "true" : "false"); }
  SoapCall& element(std::string_view name, const char* value) { return element(name, std::string_view(value)); }
  SoapCall& number(std::string_view name, std::int64_t value);
  SoapCall& ref(std::string_view name, const MoRef& ref);
  SoapCall& open(std::string_view name, std::string_view xsi_type = {});
  SoapCall& close();

  [[nodiscard]] const std::string& method() const { return method_; }
  /// The whole envelope; the call can be asked for it again.
  [[nodiscard]] std::string envelope() const;

 private:
  std::string method_;
  XmlWriter writer_;
};

struct SoapFault {
  std::string name;     ///< type without its namespace: "ManagedObjectNotFound"; empty where the server gave none
  std::string message;  ///< faultstring or localizedMessage
  MoRef object;         ///< what it speaks of, where it says so
  std::string privilege;
};

/// An answer: its body's element, or a fault.
struct SoapReply {
  pugi::xml_document document;
  pugi::xml_node response;  ///< <FooResponse>; empty with a fault
  std::optional<SoapFault> fault;

  [[nodiscard]] pugi::xml_node returnval() const { return child_named(response, "returnval"); }
};

/// Throws Error{protocol} for what is not an envelope with one element in its body.
SoapReply read_reply(pugi::xml_document document, std::string_view method);
/// A LocalizedMethodFault, or the detail of a SOAP fault.
SoapFault read_fault(const pugi::xml_node& fault, std::string message);

/// The error that stands for this fault. `change`: the fault answers a change, so that faults which leave open whether
/// anything happened become `lost`.
Error error_of(const SoapFault& fault, std::string_view what, bool change);

}  // namespace decom::vsphere
