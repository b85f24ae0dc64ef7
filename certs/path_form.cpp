#include "certs/path_form.h"

#include <algorithm>
#include <array>
#include <string>

#include "certs/openssl.h"

namespace certs {
namespace {

using Path = std::vector<Certificate>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
using Constraints = Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;

/// Old roots have the number 0: an anchor may.
bool serial_positive(const Path& path, std::size_t index) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(raw(path[index]));
  if ((ASN1_STRING_type(serial) & V_ASN1_NEG) != 0) return false;
  const auto* octets = ASN1_STRING_get0_data(serial);
  return (index != 0 && index + 1 == path.size()) ||
         std::any_of(octets, octets + ASN1_STRING_length(serial),
                     [](unsigned char octet) { return octet != 0; });
}

/// 20 octets of content, the sign bit's octet included.
bool serial_length(const Path& path, std::size_t index) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(raw(path[index]));
  const int size = ASN1_STRING_length(serial);
  return size < 20 || (size == 20 && ASN1_STRING_get0_data(serial)[0] < 0x80);
}

Names alternative_names(const Certificate& certificate) {
  return Names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(raw(certificate), NID_subject_alt_name, nullptr, nullptr)));
}

Constraints constraints_of(const Certificate& certificate) {
  return Constraints(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(raw(certificate), NID_name_constraints, nullptr, nullptr)));
}

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

bool label_ok(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

/// The preferred name syntax: letters, digits, hyphens, no empty label. RFC 1034 §3.5.
bool dns_name_ok(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const auto dot = name.find('.');
    if (!label_ok(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

/// RFC 5321 §4.1.2, the dot-string form, and a domain.
bool email_ok(std::string_view address) {
  const auto at = address.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64) return false;
  const auto local = address.substr(0, at);
  const bool printable = std::all_of(local.begin(), local.end(), [](char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("()<>[]:;@\\,\"").find(c) == std::string_view::npos;
  });
  return printable && dns_name_ok(address.substr(at + 1));
}

bool alternative_names_formed(const Path& path, std::size_t index) {
  const auto names = alternative_names(path[index]);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      auto text = text_of(name->d.dNSName);
      if (text.starts_with("*.")) text.remove_prefix(2);
      if (!dns_name_ok(text)) return false;
    }
    if (name->type == GEN_EMAIL && !email_ok(text_of(name->d.rfc822Name))) return false;
    if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) != 4 &&
        ASN1_STRING_length(name->d.iPAddress) != 16)
      return false;
  }
  return true;
}

bool subtree_ok(const GENERAL_NAME* base) {
  if (base->type == GEN_DNS) {
    const auto text = text_of(base->d.dNSName);
    return text.empty() || dns_name_ok(text);  // no leading period, as OpenSSL would take it
  }
  if (base->type == GEN_EMAIL) {
    const auto text = text_of(base->d.rfc822Name);
    return text.find('@') != std::string_view::npos
               ? email_ok(text)
               : dns_name_ok(text.starts_with('.') ? text.substr(1) : text);
  }
  return true;
}

template <class Visit>
bool each_subtree(const STACK_OF(GENERAL_SUBTREE) * subtrees, Visit visit) {
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); ++i)
    if (!visit(sk_GENERAL_SUBTREE_value(subtrees, i)->base)) return false;
  return true;
}

bool constraints_formed(const Path& path, std::size_t index) {
  const auto constraints = constraints_of(path[index]);
  return !constraints || (each_subtree(constraints->permittedSubtrees, subtree_ok) &&
                          each_subtree(constraints->excludedSubtrees, subtree_ok));
}

bool constraints_in_authority(const Path& path, std::size_t index) {
  return X509_get_ext_by_NID(raw(path[index]), NID_name_constraints, -1) < 0 ||
         X509_check_ca(raw(path[index])) != 0;
}

bool equal_text(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// "*.a.b" stands for "x.a.b", which an excluded "x.a.b" forbids though "*.a.b" is not below it.
bool no_wildcard_over_excluded(const Path& path, std::size_t index) {
  const auto names = alternative_names(path[index]);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS || !text_of(name->d.dNSName).starts_with("*.")) continue;
    const auto under = text_of(name->d.dNSName).substr(2);
    for (std::size_t above = index + 1; above < path.size(); ++above) {
      const auto constraints = constraints_of(path[above]);
      if (!constraints) continue;
      const bool clear = each_subtree(constraints->excludedSubtrees, [&](const GENERAL_NAME* base) {
        if (base->type != GEN_DNS) return true;
        const auto text = text_of(base->d.dNSName);
        const auto dot = text.find('.');
        return dot == std::string_view::npos || !equal_text(text.substr(dot + 1), under);
      });
      if (!clear) return false;
    }
  }
  return true;
}

/// Who is not self-signed says whose key signed it; a cross-signed anchor too.
bool authority_key_named(const Path& path, std::size_t index) {
  return (X509_get_extension_flags(raw(path[index])) & EXFLAG_SI) != 0 ||
         X509_get0_authority_key_id(raw(path[index])) != nullptr;
}

constexpr std::array kRules{
    PathFormRule{"serial-positive", "RFC 5280 4.1.2.2", serial_positive},
    PathFormRule{"serial-length", "RFC 5280 4.1.2.2", serial_length},
    PathFormRule{"alternative-names-formed", "RFC 5280 4.2.1.6", alternative_names_formed},
    PathFormRule{"name-constraints-formed", "RFC 5280 4.2.1.10", constraints_formed},
    PathFormRule{"name-constraints-in-authority", "RFC 5280 4.2.1.10", constraints_in_authority},
    PathFormRule{"no-wildcard-over-excluded", "RFC 9525 6.3; CVE-2025-61727",
                 no_wildcard_over_excluded},
    PathFormRule{"authority-key-named", "RFC 5280 4.2.1.1", authority_key_named},
};

}  // namespace

std::span<const PathFormRule> path_form_rules() {
  return kRules;
}

bool constraints_critical(const std::vector<Certificate>& path) {
  for (const auto& certificate : path)
    for (const int nid : {NID_name_constraints, NID_policy_constraints}) {
      const int at = X509_get_ext_by_NID(raw(certificate), nid, -1);
      if (at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(raw(certificate), at)) == 0)
        return false;
    }
  return true;
}

bool path_form_holds(const std::vector<Certificate>& path) {
  for (std::size_t index = 0; index < path.size(); ++index)
    for (const auto& rule : kRules)
      if (!rule.holds(path, index)) return false;
  ERR_clear_error();
  return true;
}

}  // namespace certs
