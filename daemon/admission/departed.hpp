#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/admission/objections.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/inventory/inventory.hpp"
#include "daemon/store/store.hpp"

namespace decom {

/// Machines that are gone, of which other systems may still hold records. They are known from the history alone: what
/// nobody retired by a request cannot be told from what somebody else keeps under the same name.
///
/// Nobody can be asked for rights on what is gone: whoever asked for its end may clean up behind it, or an
/// administrator.
class Departed {
 public:
  /// Where a machine is now ("lab:vm-7"), under whatever MoRef and in whichever vCenter: asked afresh, since a mirror
  /// may be old. Throws where one of them cannot be asked or shows nothing: unknown is not absent.
  using Places = std::function<std::vector<std::string>(const Identity&)>;

  Departed(Store& store, Places places, const Inventory& inventory)
      : store_(store), places_(std::move(places)), inventory_(inventory) {}

  /// By id, name or UUID, as it was when its end was accepted. Otherwise an objection: `invalid` where it is there,
  /// `not_found`, `ambiguous` (with the UUIDs), or what object_to says.
  std::optional<Machine> find(const std::string& typed, const Principal& who, Objections& objections) const;

  /// To a machine that is there (again), or that is not for `who` to clean up behind. Throws `unreachable` where
  /// nobody can say whether it is there.
  void object_to(const Machine& machine, const Principal& who, const std::string& typed, Objections& objections) const;

  /// Throws `precondition` while it is there (again), and as object_to does.
  void require_gone(const Machine& machine) const;

 private:
  /// Why it must not be taken for gone; empty: it is gone.
  [[nodiscard]] std::string presence(const Machine& machine) const;

  Store& store_;
  Places places_;
  const Inventory& inventory_;
};

}  // namespace decom
