#include <algorithm>
#include <array>

#include "daemon/vsphere/vcenter.hpp"

namespace decom {
namespace {

struct FaultWords {
  std::string_view fault;
  std::string_view words;
};

// Names are those of the vSphere Web Services API reference, 8.0.
constexpr std::array kWords{
    FaultWords{"InvalidPowerState", "its power state does not allow it"},
    FaultWords{"InvalidState", "its present state does not allow it"},
    FaultWords{"InvalidVmState", "the state of the machine does not allow it"},
    FaultWords{"TaskInProgress", "another task works on it"},
    FaultWords{"ResourceInUse", "something else is using it"},
    FaultWords{"ConcurrentAccess", "somebody else changed it at the same moment"},
    FaultWords{"ManagedObjectNotFound", "vCenter does not show this object to us any more"},
    FaultWords{"NoPermission", "the right to do this is missing"},
    FaultWords{"NotAuthenticated", "the session with vCenter has ended"},
    FaultWords{"InvalidLogin", "vCenter does not accept the user name or the password"},
    FaultWords{"PasswordExpired", "the password has expired"},
    FaultWords{"ToolsUnavailable", "VMware Tools are not running in the guest"},
    FaultWords{"GuestOperationsUnavailable", "the guest does not take orders at present"},
    FaultWords{"HostNotConnected", "its host is not connected to vCenter"},
    FaultWords{"HostNotReachable", "its host cannot be reached"},
    FaultWords{"HostCommunication", "vCenter lost the connection to the host"},
    FaultWords{"FileLocked", "one of its files is locked"},
    FaultWords{"FileNotFound", "one of its files is missing"},
    FaultWords{"CannotDeleteFile", "one of its files cannot be deleted"},
    FaultWords{"CannotAccessFile", "one of its files cannot be opened"},
    FaultWords{"CannotAccessVmComponent", "one of its parts cannot be opened"},
    FaultWords{"CannotAccessVmDisk", "one of its disks cannot be opened"},
    FaultWords{"InvalidDatastore", "its datastore cannot be used"},
    FaultWords{"InaccessibleDatastore", "its datastore cannot be reached"},
    FaultWords{"NoDiskSpace", "its datastore is full"},
    FaultWords{"RequestCanceled", "it was cancelled"},
    FaultWords{"NotSupported", "vCenter does not support this here"},
    FaultWords{"NotEnoughLicenses", "a licence for it is missing"},
    FaultWords{"RestrictedByAdministrator", "an administrator does not allow it"},
    FaultWords{"MethodDisabled", "another product has disabled this for the machine"},
    FaultWords{"DisallowedOperationOnFailoverHost", "its host is reserved for failover"},
    FaultWords{"QuestionPending", "the machine waits for an answer to a question in vCenter"},
    FaultWords{"DuplicateName", "the name is taken"},
    FaultWords{"InvalidArgument", "vCenter does not accept what was sent"},
    FaultWords{"InvalidName", "vCenter does not accept the name"},
    FaultWords{"Timedout", "vCenter gave up waiting"},
    FaultWords{"SystemError", "vCenter failed"},
    FaultWords{"SnapshotFault", "its snapshots stand in the way"},
    FaultWords{"UserNotFound", "vCenter does not know this user"},
    FaultWords{"NotFound", "vCenter does not find it"},
};

/// Whether vCenter's sentence says more than the name of its fault does.
bool says_something(const std::string& message, const std::string& fault) {
  if (message.size() < 8 || message.find(' ') == std::string::npos) return false;
  return message != fault && message.find("vim.fault.") == std::string::npos &&
         message.find("vmodl.") == std::string::npos;
}

}  // namespace

std::string explain_fault(const std::string& fault, const std::string& message) {
  const auto row = std::ranges::find(kWords, fault, &FaultWords::fault);
  const bool useful = says_something(message, fault);
  if (row != kWords.end()) {
    if (fault == "InvalidPowerState" && message.find("Powered on") != std::string::npos) return "it is powered on";
    if (fault == "InvalidPowerState" && message.find("Powered off") != std::string::npos) return "it is powered off";
    return useful ? std::string(row->words) + " (vCenter: " + message + ")" : std::string(row->words);
  }
  if (fault.empty()) return useful ? message : "vCenter gave no reason";
  return useful ? message + " (" + fault + ")" : "vCenter answers " + fault;
}

}  // namespace decom
