#include "daemon/vsphere/soap.hpp"

#include <algorithm>
#include <array>

#include "common/base/text.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom::vsphere {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool says(const std::string& message, std::string_view words) {
  return folded(message).find(words) != std::string::npos;
}

std::string without_suffix(std::string_view name) {
  if (name.size() > 5 && name.ends_with("Fault") && name != "MethodFault" && name != "RuntimeFault" &&
      name != "VimFault")
    name.remove_suffix(5);
  return std::string(name);
}

}  // namespace

MoRef moref_of(const pugi::xml_node& node) { return {node.attribute("type").value(), text_of(node)}; }

SoapCall::SoapCall(std::string_view method, const MoRef& self) : method_(method) {
  writer_.open("soapenv:Envelope")
      .attribute("xmlns:soapenv", kSoapNamespace)
      .attribute("xmlns:xsd", "http://www.w3.org/2001/XMLSchema")
      .attribute("xmlns:xsi", kXsiNamespace)
      .open("soapenv:Body")
      .open(method)
      .attribute("xmlns", "urn:vim25");
  ref("_this", self);
}

SoapCall& SoapCall::element(std::string_view name, std::string_view value) {
  writer_.element(name, value);
  return *this;
}

SoapCall& SoapCall::number(std::string_view name, std::int64_t value) { return element(name, std::to_string(value)); }

SoapCall& SoapCall::ref(std::string_view name, const MoRef& ref) {
  writer_.open(name).attribute("type", ref.type).text(ref.value).close();
  return *this;
}

SoapCall& SoapCall::open(std::string_view name, std::string_view xsi_type) {
  writer_.open(name);
  if (!xsi_type.empty()) writer_.attribute("xsi:type", xsi_type);
  return *this;
}

SoapCall& SoapCall::close() {
  writer_.close();
  return *this;
}

std::string SoapCall::envelope() const {
  XmlWriter copy = writer_;
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + copy.finish();
}

SoapFault read_fault(const pugi::xml_node& fault, std::string message) {
  SoapFault read{.message = std::move(message)};
  if (!fault) return read;
  const auto type = xsi_type(fault);
  read.name = type.empty() ? without_suffix(local_name(fault)) : std::string(type);
  if (const auto object = child_named(fault, "obj")) read.object = moref_of(object);
  if (const auto object = child_named(fault, "object")) read.object = moref_of(object);
  read.privilege = text_of(fault, "privilegeId");
  // InvalidPowerState: vCenter's sentence ends in "(Powered on)", others' sentences are empty.
  const std::string state = text_of(fault, "existingState");
  if (state == "poweredOn" && !says(read.message, "powered on")) read.message += " (Powered on)";
  if (state == "poweredOff" && !says(read.message, "powered off")) read.message += " (Powered off)";
  return read;
}

SoapReply read_reply(pugi::xml_document document, std::string_view method) {
  SoapReply reply{.document = std::move(document)};
  const auto envelope = first_element(reply.document);
  const auto body = child_named(envelope, "Body");
  const auto content = first_element(body);
  if (!is_named(envelope, "Envelope") || namespace_of(envelope) != kSoapNamespace ||
      namespace_of(body) != kSoapNamespace)
    throw Error{ErrorCode::protocol, "cannot read vCenter's answer to {}: it is not a SOAP envelope", method};
  if (is_named(content, "Fault") && namespace_of(content) == kSoapNamespace) {
    reply.fault = read_fault(first_element(child_named(content, "detail")), text_of(content, "faultstring"));
    return reply;
  }
  if (!is_named(content, std::string(method) + "Response"))
    throw Error{ErrorCode::protocol, "cannot read vCenter's answer to {}: it answers something else", method};
  reply.response = content;
  return reply;
}

Error error_of(const SoapFault& fault, std::string_view what, bool change) {
  ErrorCode code = ErrorCode::refused;
  if (is_one_of(fault.name, {"NotAuthenticated", "InvalidLogin", "PasswordExpired", "NoActiveUserSession"}))
    code = ErrorCode::unauthenticated;
  else if (is_one_of(fault.name, {"NoPermission", "RestrictedByAdministrator", "RestrictedVersion"}))
    code = ErrorCode::denied;
  else if (fault.name == "ManagedObjectNotFound")
    code = ErrorCode::gone;
  else if (is_one_of(fault.name, {"TaskInProgress", "ResourceInUse", "ConcurrentAccess"}))
    code = ErrorCode::busy;
  // The server gave up in the middle: it may have begun, as far as the fault tells.
  else if (change && is_one_of(fault.name, {"", "SystemError", "HostCommunication", "HostNotReachable", "Timedout",
                                            "RequestCanceled", "RuntimeFault", "MethodFault", "UnexpectedFault"}))
    code = ErrorCode::lost;
  std::string words = explain_fault(fault.name, fault.message);
  if (fault.name == "NoPermission" && !fault.privilege.empty()) words += " (" + fault.privilege + ")";
  return Error{code, "cannot {}: {}", what, words};
}

}  // namespace decom::vsphere
