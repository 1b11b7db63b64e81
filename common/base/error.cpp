#include "common/base/error.hpp"

#include <algorithm>

namespace decom {

using enum ErrorCode;

const std::array<ErrorTraits, 24> kErrorTable{{
    // code, name, HTTP, exit, transient
    {usage, "usage", 400, 2, false},
    {invalid, "invalid", 422, 2, false},
    {unauthenticated, "unauthenticated", 401, 4, false},
    {denied, "denied", 403, 4, false},
    {not_found, "not_found", 404, 3, false},
    {ambiguous, "ambiguous", 422, 2, false},
    {conflict, "conflict", 409, 1, false},
    {precondition, "precondition", 412, 1, false},
    {gone, "gone", 410, 1, false},
    {too_large, "too_large", 413, 2, false},
    {rate_limited, "rate_limited", 429, 1, true},
    {overloaded, "overloaded", 503, 1, true},
    {frozen, "frozen", 409, 1, false},
    {cancelled, "cancelled", 409, 6, false},
    {unreachable, "unreachable", 503, 1, true},
    {timed_out, "timed_out", 504, 1, true},
    {busy, "busy", 503, 1, true},
    {refused, "refused", 502, 1, false},
    {lost, "lost", 502, 1, false},
    {untrusted, "untrusted", 502, 1, false},
    {protocol, "protocol", 502, 1, false},
    {storage_full, "storage_full", 507, 1, false},
    {storage, "storage", 500, 1, false},
    {internal, "internal", 500, 1, false},
}};

const ErrorTraits& traits(ErrorCode code) {
  return *std::ranges::find(kErrorTable, code, &ErrorTraits::code);  // every enumerator has a row: tested
}

std::string_view to_string(ErrorCode code) { return traits(code).name; }

ErrorCode error_code_from(std::string_view name) {
  const auto row = std::ranges::find(kErrorTable, name, &ErrorTraits::name);
  return row == kErrorTable.end() ? internal : row->code;
}

}  // namespace decom
