#include "daemon/domain/aftercare.hpp"

#include "common/base/error.hpp"

namespace decom {

std::string_view to_string(AftercareKind kind) {
  switch (kind) {
    case AftercareKind::look: return "look";
    case AftercareKind::lift: return "lift";
  }
  return "look";
}

AftercareKind aftercare_kind_from(std::string_view name) {
  for (const AftercareKind kind : {AftercareKind::look, AftercareKind::lift})
    if (name == to_string(kind)) return kind;
  throw Error{ErrorCode::invalid, "'{}' is nothing that falls due after the end: look or lift", name};
}

std::string_view to_string(AftercareState state) {
  switch (state) {
    case AftercareState::waiting: return "waiting";
    case AftercareState::done: return "done";
    case AftercareState::given_up: return "given_up";
  }
  return "waiting";
}

AftercareState aftercare_state_from(std::string_view name) {
  for (const AftercareState state : {AftercareState::waiting, AftercareState::done, AftercareState::given_up})
    if (name == to_string(state)) return state;
  throw Error{ErrorCode::invalid, "'{}' is no state of what falls due after the end: waiting, done or given_up", name};
}

}  // namespace decom
