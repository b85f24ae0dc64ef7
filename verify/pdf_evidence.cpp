#include "verify/pdf_evidence.h"

#include <algorithm>

#include "certs/der.h"

namespace verify::pdf {
namespace {

constexpr std::size_t kMostOfAKind = 64;

class Store {
 public:
  Store(File& file, Evidence& out) : file_(file), out_(out) {}
  bool read(const Object& root);

 private:
  const Object* member(const Object& dictionary, std::string_view key);
  bool streams(const Object& owner, std::string_view key, std::vector<Reference>& into);
  bool related(const Object& store);
  bool take(const std::vector<Reference>& certificates, const std::vector<Reference>& lists,
            const std::vector<Reference>& responses);

  File& file_;
  Evidence& out_;
};

/// As File::member, noting which object it stands in.
const Object* Store::member(const Object& dictionary, std::string_view key) {
  const Object* direct = dictionary.member(key);
  if (direct != nullptr && direct->is(Type::reference))
    out_.objects.insert(direct->reference.number);
  return file_.member(dictionary, key);
}

bool Store::streams(const Object& owner, std::string_view key, std::vector<Reference>& into) {
  const Object* all = member(owner, key);
  if (all == nullptr) return false;
  if (all->is(Type::null)) return true;
  if (!all->is(Type::array)) return false;
  for (const Object& one : all->items) {
    if (!one.is(Type::reference)) return false;
    if (std::find(into.begin(), into.end(), one.reference) != into.end()) continue;
    if (into.size() == kMostOfAKind) return false;
    out_.objects.insert(one.reference.number);
    into.push_back(one.reference);
  }
  return true;
}

/// What belongs to which signature says nothing that the judge does not find itself.
bool Store::related(const Object& store) {
  const Object* all = member(store, "VRI");
  if (all == nullptr) return false;
  if (all->is(Type::null)) return true;
  if (!all->is(Type::dictionary) || all->members.size() > kMostOfAKind) return false;
  for (const auto& [name, value] : all->members) {
    if (name == "Type") continue;
    const Object* one = member(*all, name);
    if (one == nullptr || !one->is(Type::dictionary)) return false;
    for (const auto& [key, ignored] : one->members)
      if (key != "Type" && key != "Cert" && key != "CRL" && key != "OCSP" && key != "TU")
        return false;
    if (!streams(*one, "Cert", out_.certificate_streams) ||
        !streams(*one, "CRL", out_.list_streams) || !streams(*one, "OCSP", out_.response_streams))
      return false;
  }
  return true;
}

bool Store::read(const Object& root) {
  const Object* store = member(root, "DSS");
  if (store == nullptr) return false;
  if (store->is(Type::null)) return true;
  if (!store->is(Type::dictionary)) return false;
  for (const auto& [key, ignored] : store->members)
    if (key != "Type" && key != "Certs" && key != "CRLs" && key != "OCSPs" && key != "VRI")
      return false;
  if (!streams(*store, "Certs", out_.certificate_streams) ||
      !streams(*store, "CRLs", out_.list_streams) ||
      !streams(*store, "OCSPs", out_.response_streams) || !related(*store))
    return false;
  for (const Reference& one : out_.certificate_streams) {
    const auto der = file_.stream(one);
    auto certificate =
        der ? certs::Certificate::from_der(*der) : base::Result<certs::Certificate>(base::Error{});
    if (!certificate) return false;
    out_.certificates.push_back(std::move(*certificate));
  }
  for (const Reference& one : out_.list_streams) {
    auto der = file_.stream(one);
    if (!der || !certs::Crl::from_der(*der)) return false;
    out_.revocation_lists.push_back(std::move(*der));
  }
  for (const Reference& one : out_.response_streams) {
    const auto der = file_.stream(one);
    if (!der || !certs::der::is_strict(*der)) return false;
    ++out_.responses;
  }
  return true;
}

}  // namespace

std::optional<Evidence> evidence_of(File& file) {
  Evidence out;
  const Object* root = file.member(file.trailer(), "Root");
  if (root == nullptr || !Store(file, out).read(*root)) return {};
  return out;
}

}  // namespace verify::pdf
