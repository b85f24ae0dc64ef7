#include "certs/name_limits.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "certs/openssl.h"

namespace certs {
namespace {

constexpr std::size_t kMostBytes = 256;

using Name = Owned<GENERAL_NAME, GENERAL_NAME_free>;
using Constraints = Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;

bool host_like(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

Name of_text(int type, std::string_view text) {
  Name name(GENERAL_NAME_new());
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  base::check(name && value != nullptr &&
                  ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1,
              "out of memory in OpenSSL");
  GENERAL_NAME_set0_value(name.get(), type, value);
  return name;
}

/// "/C=CN/O=x": one attribute a part.
Name of_directory(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTypes{"C", "ST", "L", "O", "OU", "CN"};
  Owned<X509_NAME, X509_NAME_free> subject(X509_NAME_new());
  base::check(subject != nullptr, "out of memory in OpenSSL");
  if (!text.starts_with('/')) return {};
  while (!text.empty()) {
    text.remove_prefix(1);
    const auto part = text.substr(0, text.find('/'));
    text.remove_prefix(part.size());
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || equals + 1 == part.size()) return {};
    const std::string type(part.substr(0, equals));
    const auto value = part.substr(equals + 1);
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end() ||
        X509_NAME_add_entry_by_txt(subject.get(), type.c_str(), MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(value.data()),
                                   static_cast<int>(value.size()), -1, 0) != 1) {
      ERR_clear_error();
      return {};
    }
  }
  Name name(GENERAL_NAME_new());
  base::check(name != nullptr, "out of memory in OpenSSL");
  GENERAL_NAME_set0_value(name.get(), GEN_DIRNAME, subject.release());
  return name;
}

Name parse(std::string_view text) {
  if (text.size() > kMostBytes || !base::is_utf8(text) ||
      std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return {};
  const auto after = [&](std::string_view head) { return text.substr(head.size()); };
  if (text.starts_with("directory:")) return of_directory(after("directory:"));
  if (text.starts_with("dns:") && host_like(after("dns:"))) return of_text(GEN_DNS, after("dns:"));
  if (text.starts_with("email:") && host_like(after("email:")))
    return of_text(GEN_EMAIL, after("email:"));
  if (text.starts_with("uri:") && host_like(after("uri:"))) return of_text(GEN_URI, after("uri:"));
  return {};
}

void free_subtrees(STACK_OF(GENERAL_SUBTREE) * trees) {
  sk_GENERAL_SUBTREE_pop_free(trees, GENERAL_SUBTREE_free);
}

/// False when one of them is no limit.
bool add(STACK_OF(GENERAL_SUBTREE) * *into, std::span<const std::string> limits) {
  if (limits.empty()) return true;
  Owned<STACK_OF(GENERAL_SUBTREE), free_subtrees> trees(sk_GENERAL_SUBTREE_new_null());
  for (const auto& text : limits) {
    Name name = parse(text);
    if (!name) return false;
    Owned<GENERAL_SUBTREE, GENERAL_SUBTREE_free> tree(GENERAL_SUBTREE_new());
    base::check(trees && tree, "out of memory in OpenSSL");
    GENERAL_NAME_free(tree->base);
    tree->base = name.release();
    base::check(sk_GENERAL_SUBTREE_push(trees.get(), tree.release()) > 0,
                "out of memory in OpenSSL");
  }
  *into = trees.release();
  return true;
}

}  // namespace

bool is_name_limit(std::string_view text) {
  return parse(text) != nullptr;
}

bool within_limits(const Certificate& certificate, std::span<const std::string> permitted,
                   std::span<const std::string> excluded) {
  if (permitted.empty() && excluded.empty()) return true;
  const Constraints constraints(NAME_CONSTRAINTS_new());
  base::check(constraints != nullptr, "out of memory in OpenSSL");
  if (!add(&constraints->permittedSubtrees, permitted) ||
      !add(&constraints->excludedSubtrees, excluded))
    return false;
  const bool within = NAME_CONSTRAINTS_check(raw(certificate), constraints.get()) == X509_V_OK;
  ERR_clear_error();
  return within;
}

}  // namespace certs
