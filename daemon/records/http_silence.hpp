#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/records/http_exchange.hpp"
#include "daemon/records/record.hpp"
#include "daemon/records/silencer.hpp"

namespace decom::http {

/// Where nothing but a label tells whose an alert is: the guest's whole host name, with what speaks for it and against.
/// Empty while it is not known.
std::vector<Record> host_to_silence(const Machine& machine);

/// The requests of a recipe's [silence], for one mark, within one call of the system. The verbs are those of
/// `Silencer`.
class Silences {
 public:
  Silences(Exchange& exchange, const Recipe& recipe, const SilenceMark& mark);

  std::vector<FoundSilence> find();
  void set(const std::string& words, Timestamp now, Timestamp until);
  std::size_t lift();

 private:
  [[nodiscard]] std::string doing(std::string_view what) const;

  Exchange& exchange_;
  const Recipe& recipe_;
  const SilenceRecipe& silence_;
  const SilenceMark& mark_;
  Values values_;
};

/// Asks what proves the rights that silencing takes. Throws `denied` where one is missing.
void check_silencing(Exchange& exchange, const Recipe& recipe);

/// Lifts our silences of a record, whatever request it was that set them, where it could not be removed otherwise. What
/// becomes of this is no doubt about the removal, of which nothing is sent before.
void lift_before_removal(Exchange& exchange, const Recipe& recipe, const Machine& machine, const Record& record);

}  // namespace decom::http
