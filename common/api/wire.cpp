// Instantiates the JSON of every type once, so that a mistake in a header shows here and not in a caller.
#include "common/api/admin.hpp"
#include "common/api/auth.hpp"
#include "common/api/events.hpp"
#include "common/api/problem.hpp"
#include "common/api/records.hpp"
#include "common/api/requests.hpp"
#include "common/api/steps.hpp"
