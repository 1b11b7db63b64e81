#include "daemon/records/definition.hpp"

namespace decom {

const std::vector<RecordKind>& record_kinds() {
  static const std::vector<RecordKind> kinds{};
  return kinds;
}

}  // namespace decom
