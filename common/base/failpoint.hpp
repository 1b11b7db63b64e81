#pragma once

/// Named places where a test may kill the process or make it fail, to prove what a crash at that very point leaves
/// behind. In a release `DECOM_FAILPOINT` is nothing at all.
///
///     DECOM_FAILPOINT("store.before_commit");
///
/// The environment says which ones fire: DECOM_FAILPOINT="name[:count][=kill|error|wait]", several with commas.
/// It fires at the `count`th passage (1 where none is given) and only then. `kill` (when nothing is said) is SIGKILL to
/// ourselves, so that no destructor runs; `error` throws Error{internal}; `wait` blocks until `release` is called or
/// the process is killed, for a test that needs to look at the world in between.
#ifdef DECOM_FAILPOINTS

#include <string_view>

#define DECOM_FAILPOINT(name) ::decom::failpoint::pass(name)

namespace decom::failpoint {

/// Any thread. Costs one atomic load while none is armed.
void pass(std::string_view name);
/// From within a test's own process, in the spelling of the environment variable; replaces what was armed before.
/// Throws `invalid`.
void arm(std::string_view spec);
void disarm();
/// Lets go whoever waits.
void release();
/// How often it was passed since the last `arm`. Only armed ones are counted.
int passed(std::string_view name);

}  // namespace decom::failpoint

#else

#define DECOM_FAILPOINT(name) static_cast<void>(0)

#endif
