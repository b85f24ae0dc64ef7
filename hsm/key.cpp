// The words for keys: the same in configuration, inventory, log and protocol.
#include "hsm/key.h"

#include <algorithm>
#include <array>

#include "hsm/algorithm.h"

namespace hsm {
namespace {

template <class Enum, std::size_t N>
using Words = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Words<Protection, 3> kProtections{{
    {Protection::token, "token"},
    {Protection::wrapped, "wrapped"},
    {Protection::working, "working"},
}};

constexpr Words<Purpose, 12> kPurposes{{
    {Purpose::root_ca, "root_ca"},
    {Purpose::issuing_ca, "issuing_ca"},
    {Purpose::seal, "seal"},
    {Purpose::seal_maker, "seal_maker"},
    {Purpose::timestamp, "timestamp"},
    {Purpose::ocsp, "ocsp"},
    {Purpose::openid, "openid"},
    {Purpose::document_code, "document_code"},
    {Purpose::audit, "audit"},
    {Purpose::log, "log"},
    {Purpose::data_wrapping, "data_wrapping"},
    {Purpose::key_wrapping, "key_wrapping"},
}};

template <class Enum, std::size_t N>
std::string_view word(const Words<Enum, N>& words, Enum value) {
  for (const auto& [one, text] : words)
    if (one == value) return text;
  base::fail("an enumerator without a word");
}

template <class Enum, std::size_t N>
std::optional<Enum> value(const Words<Enum, N>& words, std::string_view text) {
  for (const auto& [one, name] : words)
    if (name == text) return one;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Algorithm algorithm) {
  return facts_of(algorithm).name;
}
std::string_view to_string(Protection protection) {
  return word(kProtections, protection);
}
std::string_view to_string(Purpose purpose) {
  return word(kPurposes, purpose);
}
std::optional<Algorithm> algorithm_from(std::string_view text) {
  for (const auto& one : algorithm_facts())
    if (one.name == text) return one.algorithm;
  return std::nullopt;
}
std::optional<Purpose> purpose_from(std::string_view text) {
  return value(kPurposes, text);
}

base::Result<base::Bytes> Key::sign_message(base::BytesView message) const {
  BASE_TRY(const auto input, input_of(info(), message));
  base::Digest digest{};
  if (input.size() != digest.size() || facts_of(info().algorithm).input_size == 0)
    return base::error(base::Code::internal, "hsm.input", info().label + ": not a digest");
  std::copy(input.begin(), input.end(), digest.begin());
  return sign(digest);
}

}  // namespace hsm
