#pragma once

#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "common/base/error.hpp"

namespace decom {

/// What is wrong with the machines of a request, each with its code; the first one names the whole.
class Objections {
 public:
  explicit Objections(std::size_t machines) : machines_(machines) {}

  void add(ErrorCode code, const std::string& where, std::string what) {
    if (findings_.empty()) code_ = code;
    findings_.push_back({where, std::move(what)});
    objected_.insert(where);
  }
  void throw_if_any() const {
    if (findings_.empty()) return;
    throw Error{code_,
                fmt::format("cannot accept {} of {} machine{}: nothing was accepted", objected_.size(), machines_,
                            machines_ == 1 ? "" : "s"),
                findings_};
  }

 private:
  std::size_t machines_;
  ErrorCode code_ = ErrorCode::invalid;
  std::vector<Finding> findings_;
  std::set<std::string> objected_;
};

}  // namespace decom
