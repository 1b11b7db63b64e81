#pragma once

#include <memory>

#include "daemon/records/definition.hpp"

namespace decom {

/// A system that a program of the site knows how to read: an executable, or code in the definition. decom-step(7) says
/// what it is told and what it answers; it runs in a sandbox, by a hash that was frozen with the definition.
std::unique_ptr<RecordSystem> make_exec(DefinitionReader& reader, const RecordWorld& world);

}  // namespace decom
