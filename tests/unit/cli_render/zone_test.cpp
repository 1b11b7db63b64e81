#include <cstdlib>
#include <ctime>

namespace {

/// The goldens have local times: of a zone with an offset, and without a rule that a later tzdata could change.
[[maybe_unused]] const bool kZoneIsSet = [] {
  ::setenv("TZ", "<+01>-1", 1);
  ::tzset();
  return true;
}();

}  // namespace
