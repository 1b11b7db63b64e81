#pragma once

#include "daemon/records/definition.hpp"

namespace decom {

/// Systems that speak HTTP, by a recipe: decomd-records(5), section http.
RecordKind http_kind();

}  // namespace decom
