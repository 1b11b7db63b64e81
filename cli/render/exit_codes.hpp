#pragma once

#include <array>
#include <string_view>

namespace decom::cli {

struct ExitCode {
  int code;
  std::string_view meaning;
};

/// What decomctl(1) says of its exit status.
inline constexpr std::array kExitCodes{
    ExitCode{0, "Done."},
    ExitCode{1, "Failed: the daemon refused or could not do it, or every machine of the request failed."},
    ExitCode{2, "The command line, a query or a value is not acceptable."},
    ExitCode{3, "There is no such machine, request or token."},
    ExitCode{4, "Denied: nobody is logged in, or the right is missing."},
    ExitCode{5, "decomd was not reached."},
    ExitCode{6, "Cancelled."},
    ExitCode{7, "Finished, and some of the machines failed."},
    ExitCode{8, "Needs attention: the outcome of an irreversible call is not known, and a person decides."},
    ExitCode{130, "Ctrl-C detached from what was followed; it goes on."}};

}  // namespace decom::cli
