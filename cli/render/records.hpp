#pragma once

#include <string>
#include <vector>

#include "cli/render/output.hpp"
#include "cli/render/style.hpp"
#include "common/api/records.hpp"
#include "common/api/steps.hpp"

namespace decom::cli {

/// One row a record, and one for each system that has none or could not be read: what csv, ndjson and templates print.
Json record_rows(const api::RecordsAnswer& answer);
/// Machines and systems side by side. Wide adds ids and times.
std::string record_table(const Json& rows, bool wide, const Style& style);
const std::vector<Field>& record_fields();

/// Kinds of steps, then the configured systems.
std::string render_steps(const api::Steps& steps, const Style& style);
const std::vector<Field>& system_fields();
/// How each system answered.
std::string render_tests(const std::vector<api::SystemTest>& tests, const Style& style);
const std::vector<Field>& test_fields();

}  // namespace decom::cli
