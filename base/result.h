// What a function gives back when the world may refuse: Result<T> is a T or an Error.
//
// The world refused -> Result; a document failed -> verify::Verdict; we are wrong -> base::check.
// An Error names what is wrong by a key of the message catalogue (base/messages.h), never by
// user-facing text of its own; `detail` is for the log and for developers and holds no secrets.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace base {

enum class Code {
  invalid_argument,
  unauthenticated,
  permission_denied,
  not_found,
  conflict,
  expired,
  rate_limited,
  unavailable,
  internal,
};

std::string_view to_string(Code code);

/// One field of the caller's input that is wrong: `field` as the caller spelt it, `key` in the
/// message catalogue.
struct FieldError {
  std::string field;
  std::string key;
};

struct Error {
  Code code = Code::internal;
  std::string key;     ///< message-catalogue key, e.g. "verify.code.typo"
  std::string detail;  ///< for the log: what happened, without secrets or personal numbers
  std::vector<FieldError> fields = {};
  std::vector<std::pair<std::string, std::string>> args = {};  ///< values for the catalogue text
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
};

inline Error error(Code code, std::string key, std::string detail = {}) {
  return Error{code, std::move(key), std::move(detail)};
}

/// A T or an Error. Reading the wrong one is a mistake of ours and stops the program.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}          // NOLINT: implicit
  Result(Error failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return check(ok(), "value of a failed Result"), std::get<0>(state_); }
  const T& value() const& { return check(ok(), "value of a failed Result"), std::get<0>(state_); }
  T&& value() && { return check(ok(), "value of a failed Result"), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return check(!ok(), "error of a good Result"), std::get<1>(state_); }
  const Error& error() const& {
    return check(!ok(), "error of a good Result"), std::get<1>(state_);
  }
  Error&& error() && {
    return check(!ok(), "error of a good Result"), std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error failure) : failure_(std::move(failure)) {}  // NOLINT: implicit

  bool ok() const { return !failure_; }
  explicit operator bool() const { return ok(); }
  void value() const { check(ok(), "value of a failed Result"); }
  Error& error() & { return check(!ok(), "error of a good Result"), *failure_; }
  const Error& error() const& { return check(!ok(), "error of a good Result"), *failure_; }
  Error&& error() && { return check(!ok(), "error of a good Result"), std::move(*failure_); }

 private:
  std::optional<Error> failure_;
};

}  // namespace base

#define BASE_CONCAT_(a, b) a##b
#define BASE_CONCAT(a, b) BASE_CONCAT_(a, b)

/// BASE_TRY(auto rows, tx.run(kFind, id));  declares `rows`, or returns the error to the caller.
#define BASE_TRY(declaration, expression)                       \
  auto BASE_CONCAT(base_try_, __LINE__) = (expression);         \
  if (!BASE_CONCAT(base_try_, __LINE__).ok())                   \
    return std::move(BASE_CONCAT(base_try_, __LINE__)).error(); \
  declaration = std::move(BASE_CONCAT(base_try_, __LINE__)).value()

/// BASE_TRY_VOID(tx.commit());  returns the error to the caller, or goes on.
#define BASE_TRY_VOID(expression)                                     \
  do {                                                                \
    auto base_try_void = (expression);                                \
    if (!base_try_void.ok()) return std::move(base_try_void).error(); \
  } while (false)
