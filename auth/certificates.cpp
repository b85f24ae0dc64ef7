#include "auth/certificates.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include <algorithm>

#include "auth/identities.h"
#include "auth/signed_challenge.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/owned.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kPutCertificate{"auth.put_certificate", R"sql(
  insert into auth.certificate (id, subject_id, body, issuer, serial, spki_sha256, sha256,
    holder_sealed, holder_lookup, not_before, not_after, bound_at, renews)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, nullif($13, '')
   where (select count(*) from auth.certificate where subject_id = $2) < $14)sql"};
constexpr store::Query kFindCertificate{"auth.find_certificate", R"sql(
  select c.id, c.subject_id, c.sha256 = $2
    from auth.certificate c
    join auth.factor f on f.id = c.id and f.ended_at is null
    join auth.subject s on s.id = c.subject_id and auth.is_open(s.active, s.locked_until, $4)
   where c.sha256 = $2 or (c.body = $1 and c.holder_lookup = $3)
   order by (c.sha256 = $2) desc, c.bound_at desc)sql"};
constexpr store::Query kUseCertificate{"auth.use_certificate", R"sql(
  update auth.certificate set used_at = $2 where id = $1)sql"};
constexpr store::Query kListCertificates{"auth.list_certificates", R"sql(
  select c.id, c.issuer, c.serial, c.holder_sealed, c.not_before, c.not_after, c.bound_at, c.used_at
    from auth.certificate c join auth.factor f on f.id = c.id and f.ended_at is null
   where c.subject_id = $1 order by c.bound_at, c.id)sql"};

constexpr std::chrono::minutes kBodyClockAhead{10};

constexpr const char* kHolderField = "auth.certificate.holder";

// GB/T 20518-2018: a person's identification, a company's registration, an organisation's code.
constexpr const char* kNumberExtensions[] = {"1.2.156.10260.4.1.1", "1.2.156.10260.4.1.3",
                                             "1.2.156.10260.4.1.4"};
constexpr std::size_t kNumberMost = 64, kLabelMost = 64;

std::string_view word(CertificatePurpose purpose) {
  return purpose == CertificatePurpose::login ? "certificate.login" : "certificate.binding";
}

base::Error refused(std::string why) {
  return base::error(base::Code::unauthenticated, "auth.certificate.refused", std::move(why));
}

/// "IDCCN-1101…", "NTRCN-9144…": three letters for the kind, two for the country (ETSI EN 319
/// 412-1 §5.1.3).
std::string_view without_prefix(std::string_view text) {
  const auto letters = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  };
  return text.size() > 6 && text[5] == '-' && letters(text.substr(0, 5)) ? text.substr(6) : text;
}

void note_number(std::vector<std::string>& out, base::BytesView bytes) {
  const auto text = without_prefix(base::as_text(bytes));
  if (!text.empty() && text.size() <= kNumberMost) out.emplace_back(text);
}

/// What it is called at first: the body's name, as much of it as a label may have.
std::string label_of(std::string_view body) {
  std::size_t end = 0;
  for (std::size_t points = 0; end < body.size() && points < kLabelMost; ++points)
    do ++end;
    while (end < body.size() && (static_cast<unsigned char>(body[end]) & 0xC0) == 0x80);
  return end == 0 ? "CA" : std::string(body.substr(0, end));
}

/// The subject's last common name; empty when it has none.
std::string common_name(const certs::Certificate& leaf) {
  const auto der = leaf.der();
  const auto* at = der.data();
  const base::Owned<X509, X509_free> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509) return {};
  const auto* name = X509_get_subject_name(x509.get());
  int last = -1;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) >= 0;) last = i;
  if (last < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

/// The primitive value inside an extension, through whatever stands round it, four deep.
base::BytesView innermost(base::BytesView der) {
  for (int depth = 0; depth < 4; ++depth) {
    const auto* at = der.data();
    long size = 0;
    int tag = 0, kind = 0;
    const int form = ASN1_get_object(&at, &size, &tag, &kind, static_cast<long>(der.size()));
    if ((form & 0x80) != 0 || size <= 0 || at + size != der.data() + der.size()) return {};
    der = {at, static_cast<std::size_t>(size)};
    if ((form & V_ASN1_CONSTRUCTED) == 0) return der;
  }
  return {};
}

}  // namespace

std::vector<std::string> numbers_in(const certs::Certificate& leaf) {
  std::vector<std::string> out;
  const auto der = leaf.der();
  const auto* at = der.data();
  const base::Owned<X509, X509_free> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509) return out;
  const auto* name = X509_get_subject_name(x509.get());
  for (const int nid : {NID_serialNumber, NID_organizationIdentifier})
    for (int i = -1; (i = X509_NAME_get_index_by_NID(name, nid, i)) >= 0;) {
      const auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
      note_number(
          out, {ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))});
    }
  for (const auto* oid : kNumberExtensions) {
    const base::Owned<ASN1_OBJECT, ASN1_OBJECT_free> kind(OBJ_txt2obj(oid, 1));
    const int i = X509_get_ext_by_OBJ(x509.get(), kind.get(), -1);
    if (i < 0) continue;
    const auto* value = X509_EXTENSION_get_data(X509_get_ext(x509.get(), i));
    note_number(out, innermost({ASN1_STRING_get0_data(value),
                                static_cast<std::size_t>(ASN1_STRING_length(value))}));
  }
  return out;
}

struct Certificates::Judged {
  std::int64_t body = 0;
  std::string body_name;
};
struct Certificates::Bound {
  std::string id;
  SubjectId subject;
  bool same = false;  ///< this very certificate, not one before it
};

Certificates::Certificates(Parts parts)
    : parts_(std::move(parts)), challenges_({parts_.pool, parts_.clock, parts_.random}) {}

base::Digest Certificates::holder_lookup(const certs::Certificate& leaf) const {
  return parts_.cipher.lookup(kHolderField, leaf.subject());
}

base::Result<Certificates::Asked> Certificates::ask(CertificatePurpose purpose,
                                                    const std::optional<SubjectId>& subject,
                                                    std::string_view binding) {
  BASE_TRY(const auto challenge,
           challenges_.ask(binding, word(purpose), subject, kCertificateChallengeLife));
  const auto name = base::to_base64url(challenge);
  return Asked{name, statement(purpose, name)};
}

std::string Certificates::statement(CertificatePurpose purpose, std::string_view challenge) const {
  const bool login = purpose == CertificatePurpose::login;
  return "信印 Xinyin\n" + parts_.issuer + "\n" +
         (login ? "我用此证书登录。\nI log in with this certificate.\n"
                : "我把此证书绑定到我的账户。\nI bind this certificate to my account.\n") +
         "一次性编号 challenge: " + std::string(challenge) + "\n";
}

base::Result<std::string> Certificates::text_of(CertificatePurpose purpose,
                                                std::string_view binding,
                                                std::string_view challenge) {
  const auto bytes = base::from_base64url(challenge);
  bool waits = false;
  if (bytes && bytes->size() == 32) {
    BASE_TRY(waits, challenges_.waits(*bytes, binding, word(purpose)));
  }
  if (!waits) return base::error(base::Code::expired, "auth.certificate.expired");
  return statement(purpose, base::to_base64url(*bytes));
}

base::Result<ShownCertificate> Certificates::answer(CertificatePurpose purpose,
                                                    const std::optional<SubjectId>& subject,
                                                    std::string_view binding,
                                                    std::string_view challenge,
                                                    std::string_view sent) {
  const auto expired = base::error(base::Code::expired, "auth.certificate.expired");
  const auto bytes = base::from_base64url(challenge);
  if (!bytes || bytes->size() != 32) return expired;
  BASE_TRY(const auto asked, challenges_.take(*bytes, binding, word(purpose)));
  if (!asked || asked->subject != subject) return expired;
  auto read = read_signed_challenge(sent, statement(purpose, challenge));
  if (!read.ok()) return refused(read.error().detail);
  return ShownCertificate{std::move(read->signer), std::move(read->others), "challenge"};
}

base::Result<Certificates::Judged> Certificates::judge(const ShownCertificate& shown,
                                                       std::string_view act,
                                                       const std::string& actor) {
  BASE_TRY(const auto trust, parts_.trust.now());
  const auto judge_at = [&](base::Time at) {
    return certs::judge_foreign(shown.leaf, shown.others, trust->list, certs::BodyUse::login,
                                trust->crls, at);
  };
  const auto now = parts_.clock.now();
  auto status = judge_at(now);
  // A body whose clock runs ahead of ours revokes at a moment that is still to come.
  if (status.answer == certs::ChainAnswer::trusted)
    if (auto soon = judge_at(now + kBodyClockAhead); soon.answer == certs::ChainAnswer::revoked)
      status = std::move(soon);
  if (status.answer == certs::ChainAnswer::trusted) return Judged{status.body, status.body_name};
  const auto why = refused(status.reason);
  BASE_TRY_VOID(note(actor, act, why, shown));
  return why;
}

/// The number of one of the subject's documents that the certificate says too.
base::Result<std::optional<std::string>> Certificates::own_number(const certs::Certificate& leaf,
                                                                  const SubjectId& subject) {
  const auto said = numbers_in(leaf);
  BASE_TRY(const auto documents, documents_of(parts_.pool, parts_.cipher, subject));
  for (const auto& [id, document, linked, replaced, leading] : documents)
    for (const auto& number : said)
      if (base::constant_time_equal(base::as_bytes(number), base::as_bytes(document.number)))
        return std::optional(number);
  return std::optional<std::string>();
}

base::Result<std::optional<Certificates::Bound>> Certificates::find(
    const Judged& judged, const certs::Certificate& leaf) {
  BASE_TRY(const auto rows,
           parts_.pool.run(kFindCertificate, {judged.body, base::BytesView(leaf.sha256()),
                                              base::BytesView(holder_lookup(leaf)),
                                              parts_.clock.now()}));
  if (rows.empty()) return std::optional<Bound>();
  Bound out{std::string(rows.text(0, 0)), SubjectId(std::string(rows.text(0, 1))),
            rows.boolean(0, 2)};
  // Of several accounts with this holder's name, which one is meant?
  for (std::size_t i = 1; !out.same && i < rows.size(); ++i)
    if (rows.text(i, 1) != out.subject.value()) return std::optional<Bound>();
  return std::optional(std::move(out));
}

base::Result<BoundCertificate> Certificates::put(store::Tx& tx, const SubjectId& subject,
                                                 const Judged& judged,
                                                 const certs::Certificate& leaf,
                                                 std::string_view renews) {
  const auto now = parts_.clock.now();
  const NewFactor factor{subject, FactorKind::certificate, label_of(judged.body_name), {}};
  BASE_TRY(auto id, add_factor(tx, parts_.cipher, parts_.random, factor, subject.value(), now));
  BoundCertificate out{std::move(id),
                       leaf.issuer(),
                       leaf.serial_hex(),
                       leaf.subject(),
                       leaf.not_before(),
                       leaf.not_after(),
                       now,
                       std::nullopt};
  auto done = tx.run(kPutCertificate,
                     {out.id, subject.value(), judged.body, out.issuer, out.serial,
                      base::BytesView(leaf.public_key_sha256()), base::BytesView(leaf.sha256()),
                      parts_.cipher.seal(kHolderField, out.id, base::as_bytes(out.holder)),
                      base::BytesView(holder_lookup(leaf)), out.not_before, out.not_after, now,
                      renews, std::int64_t{kCertificatesMost}});
  if (!done.ok())
    return done.error().key == "store.conflict"
               ? base::error(base::Code::conflict, "auth.certificate.known")
               : done.error();
  if (done->affected() == 0) return base::error(base::Code::conflict, "auth.certificate.too_many");
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("sha256", base::to_hex(leaf.sha256()));
  facts.member("body", judged.body);
  if (!renews.empty()) facts.member("renews", renews);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx,
      {now, subject.value(), renews.empty() ? "login_certificate.bind" : "login_certificate.renew",
       out.id, "ok", facts.text()}));
  BASE_TRY_VOID(parts_.notices.factor_added(tx, subject, FactorKind::certificate));
  return out;
}

base::Result<Binding> Certificates::bind(const SubjectId& subject, const ShownCertificate& shown) {
  BASE_TRY(const auto judged, judge(shown, "login_certificate.bind", subject.value()));
  BASE_TRY(const auto own, own_number(shown.leaf, subject));
  if (!own) {
    const auto why = base::error(base::Code::permission_denied, "auth.certificate.other_holder");
    BASE_TRY_VOID(note(subject.value(), "login_certificate.bind", why, shown));
    return why;
  }
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(auto bound, put(tx, subject, judged, shown.leaf, ""));
  BASE_TRY_VOID(tx.commit());
  return Binding{std::move(bound), judged.body_name, common_name(shown.leaf), *own,
                 base::to_hex(shown.leaf.sha256())};
}

base::Result<CertificateLogin> Certificates::log_in(const ShownCertificate& shown,
                                                    const std::optional<SubjectId>& expected) {
  constexpr const char* kAct = "login.certificate";
  const auto nobody = "certificate:" + base::to_hex(shown.leaf.sha256()).substr(0, 32);
  BASE_TRY(const auto judged, judge(shown, kAct, nobody));
  BASE_TRY(auto bound, find(judged, shown.leaf));
  if (!bound || (expected && bound->subject != *expected)) {
    const auto why = refused(bound ? "bound to somebody else" : "bound to nobody");
    BASE_TRY_VOID(note(nobody, kAct, why, shown));
    return why;
  }
  BASE_TRY(const auto record, parts_.accounts.subject(bound->subject));
  // A document may have been taken from the account since; then the certificate goes with it.
  BASE_TRY(const auto own, own_number(shown.leaf, bound->subject));
  if (!own) {
    const auto why = refused("says no number of the account's documents");
    BASE_TRY_VOID(note(bound->subject.value(), kAct, why, shown));
    return why;
  }
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  if (!bound->same) {
    BASE_TRY(const auto renewed, put(tx, bound->subject, judged, shown.leaf, bound->id));
    bound->id = renewed.id;
  }
  Factor used;
  used.id = bound->id;
  BASE_TRY(const bool in_force, use_factor(tx, used, now));
  if (!in_force) return refused("taken away meanwhile");
  BASE_TRY_VOID(tx.run(kUseCertificate, {bound->id, now}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("how", shown.how);
  facts.EndObject();
  BASE_TRY_VOID(
      store::audit(tx, {now, bound->subject.value(), kAct, bound->id, "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return CertificateLogin{bound->subject, record.kind, bound->id};
}

base::Result<void> Certificates::note(std::string_view actor, std::string_view act,
                                      const base::Error& why, const ShownCertificate& shown) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("detail", base::printable(why.detail));
  facts.member("how", shown.how);
  facts.member("sha256", base::to_hex(shown.leaf.sha256()));
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), std::string(actor), std::string(act),
                                  std::string(actor), why.key, facts.text()}));
  return tx.commit();
}

base::Result<std::vector<BoundCertificate>> Certificates::list(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kListCertificates, {subject.value()}));
  std::vector<BoundCertificate> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BoundCertificate one;
    one.id = rows.text(i, 0);
    one.issuer = rows.text(i, 1);
    one.serial = rows.text(i, 2);
    BASE_TRY(const auto holder, parts_.cipher.open(kHolderField, one.id, rows.bytes(i, 3)));
    one.holder = base::as_text(holder);
    one.not_before = rows.time(i, 4);
    one.not_after = rows.time(i, 5);
    one.bound_at = rows.time(i, 6);
    if (!rows.is_null(i, 7)) one.used_at = rows.time(i, 7);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace auth
