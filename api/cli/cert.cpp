// xinyin cert list | show | lint | issue | renew | revoke: certificates that our authorities issue.
#include <algorithm>
#include <array>

#include "api/cli/issuing.h"
#include "api/cli/words.h"
#include "base/encoding.h"
#include "base/json.h"
#include "certs/csr.h"
#include "certs/lint.h"
#include "certs/profiles.h"

namespace cli {
namespace {

struct Reason {
  const char* name;
  int number;
};
/// RFC 5280 §5.3.1, without those that make no sense here (hold, removal, unused).
constexpr std::array kReasons{Reason{"unspecified", 0},       Reason{"keyCompromise", 1},
                              Reason{"cACompromise", 2},      Reason{"affiliationChanged", 3},
                              Reason{"superseded", 4},        Reason{"cessationOfOperation", 5},
                              Reason{"privilegeWithdrawn", 9}};

void put(base::JsonWriter& out, const certs::Issued& row) {
  out.StartObject();
  out.member("serial", row.certificate.serial_hex());
  out.member("profile", certs::to_string(row.profile));
  out.member("label", row.label);
  out.member("subject", row.certificate.subject());
  out.member("issuer", row.certificate.issuer());
  out.member("not_before", base::to_rfc3339(row.certificate.not_before()));
  out.member("not_after", base::to_rfc3339(row.certificate.not_after()));
  out.member("sha256", base::to_hex(row.certificate.sha256()));
  if (row.revoked) {
    out.member("revoked_at", base::to_rfc3339(row.revoked->at));
    out.member("revocation_reason", row.revoked->reason);
    if (row.revoked->invalid_since)
      out.member("invalid_since", base::to_rfc3339(*row.revoked->invalid_since));
  }
  out.EndObject();
}

std::string line(const certs::Issued& row, base::Time now) {
  const char* standing = row.revoked                         ? "已吊销 revoked"
                         : now > row.certificate.not_after() ? "已过期 expired"
                                                             : "有效 in force";
  return row.certificate.serial_hex() + "  " + std::string(certs::to_string(row.profile)) + "  " +
         row.label + "  " + standing + "  " + base::to_rfc3339(row.certificate.not_after()) + "  " +
         row.certificate.subject();
}

base::Result<Answer> list(Context& context) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(auto tx, officer.pool.begin(store::Mode::read_only));
  certs::CertificateRegister issued(tx, context.clock(), officer.name);
  BASE_TRY(const auto rows, issued.list());
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& row : rows) {
    put(out, row);
    text += (text.empty() ? "" : "\n") + line(row, context.clock().now());
  }
  out.EndArray();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> show(Context& context, const std::string& serial) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(auto tx, officer.pool.begin(store::Mode::read_only));
  certs::CertificateRegister issued(tx, context.clock(), officer.name);
  BASE_TRY(const auto row, issued.find(serial));
  base::JsonWriter out;
  put(out, row);
  std::string text = line(row, context.clock().now()) + "\nSHA-256 " +
                     base::to_hex(row.certificate.sha256()) + "\n" + row.certificate.pem();
  const auto findings = certs::lint(row.certificate);
  if (!findings.empty()) context.warn("lint: " + certs::to_text(findings));
  while (text.ends_with('\n')) text.pop_back();
  return Answer{out.text(), text, kDone};
}

struct Wish {
  std::string serial;
  std::string reason = "unspecified";
  std::string invalid_since;
  bool dry_run = false;
};

/// Recorded first, then published at once: what is revoked is known to be.
base::Result<Answer> revoke(Context& context, const Wish& wish) {
  const auto reason = std::find_if(kReasons.begin(), kReasons.end(),
                                   [&](const Reason& r) { return wish.reason == r.name; });
  base::check(reason != kReasons.end(), "the command line let a wrong reason through");
  std::optional<base::Time> invalid_since;
  if (!wish.invalid_since.empty()) {
    invalid_since = base::parse_rfc3339(wish.invalid_since);
    if (!invalid_since || *invalid_since > context.clock().now())
      return base::error(base::Code::invalid_argument, "cli.bad_time");
  }
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  {
    BASE_TRY(auto tx, officer.pool.begin());
    certs::CertificateRegister issued(tx, context.clock(), officer.name);
    BASE_TRY(const auto row, issued.find(wish.serial));
    if (row.profile == certs::Profile::root_ca)
      return base::error(base::Code::permission_denied, "cli.root_not_revoked");
    if (wish.dry_run) {
      base::JsonWriter out;
      put(out, row);
      return Answer{out.text(),
                    "将吊销 · would be revoked, and new lists published:\n" +
                        line(row, context.clock().now()),
                    row.revoked ? kConflict : kDone};
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(context.clock().now());
    BASE_TRY_VOID(issued.revoke(row.issuer, {wish.serial, now, reason->number, invalid_since}));
    BASE_TRY_VOID(tx.commit());
  }
  BASE_TRY(const auto published,
           publish_lists(officer, std::chrono::hours(24 * 7), "吊销 revoked: " + wish.serial));
  base::JsonWriter out;
  out.StartObject();
  out.member("serial", wish.serial);
  if (published.published) out.member("sequence", published.published->sequence);
  if (published.waiting) out.member("request", published.waiting->id);
  out.EndObject();
  std::string text = "已吊销，吊销列表已发布 · revoked, and the revocation list is out";
  if (published.waiting) text += "\n" + request_answer(*published.waiting).text;
  return Answer{out.text(), text, kDone};
}

struct Order {
  std::string label, profile, name, serial_number, reason;
  std::filesystem::path csr;
  std::vector<std::string> dns, ip;
  bool dry_run = false;
};

base::Result<Answer> ask_certificate(Officer& officer, const WantedCertificate& wanted,
                                     const Order& order) {
  BASE_TRY(const auto with, authorities(officer));
  BASE_TRY(const auto item, certificate_item(officer, with, wanted));
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  const auto params = sign_params({item});
  if (order.dry_run)
    return Answer{params, std::string(certs::to_string(wanted.profile)) + "\n" + params, kDone};
  BASE_TRY(const auto record, ask(officer, governance, {"sign", params, order.reason}));
  return request_answer(record);
}

/// A successor goes by the name of the newest certificate of its kind: the same profile, and an SM2
/// key or not.
base::Result<std::string> name_for(Officer& officer, const Order& order, certs::Profile profile,
                                   base::BytesView public_key) {
  if (!order.name.empty()) return order.name;
  BASE_TRY(auto tx, officer.pool.begin(store::Mode::read_only));
  certs::CertificateRegister issued(tx, officer.context.clock(), officer.name);
  BASE_TRY(const auto rows, issued.list());
  for (const auto& row : rows)
    if (row.profile == profile && is_sm2(row.certificate.public_key()) == is_sm2(public_key))
      return row.certificate.common_name();
  return base::error(base::Code::invalid_argument, "cli.name_wanted");
}

/// The key's purpose is the profile; who asks may only say the name.
base::Result<WantedCertificate> for_token_key(Officer& officer, const Order& order) {
  BASE_TRY(const auto key, officer.signer.key(order.label));
  const auto profile = certs::profile_from(hsm::to_string(key->info().purpose));
  if (!profile || *profile == certs::Profile::root_ca) {
    auto failure = base::error(base::Code::invalid_argument, "cli.no_profile", order.label);
    failure.args = {{"what", order.label}};
    return failure;
  }
  const bool agency = certs::rule_of(*profile).naming == certs::Naming::agency;
  BASE_TRY(auto name, name_for(officer, order, *profile, key->info().public_key));
  return WantedCertificate{*profile,
                           {std::move(name), officer.config.agency.name,
                            agency ? officer.config.agency.code : std::string(), "CN"},
                           key->info().public_key};
}

base::Result<WantedCertificate> for_request_file(Officer& officer, const Order& order) {
  const certs::PkiDirectory there(order.csr.parent_path());
  BASE_TRY(const auto pem, there.read(order.csr.filename().string()));
  WantedCertificate wanted;
  BASE_TRY(wanted.public_key, certs::read_csr(pem));
  const auto profile = certs::profile_from(order.profile);
  if (!profile) return base::error(base::Code::invalid_argument, "cli.profile_wanted");
  wanted.profile = *profile;
  // Servers are named by their addresses alone.
  if (order.name.empty() && *profile != certs::Profile::tls_server)
    return base::error(base::Code::invalid_argument, "cli.name_wanted");
  wanted.subject.common_name = order.name;
  wanted.subject.serial_number = order.serial_number;
  wanted.subject.dns_names = order.dns;
  wanted.subject.ip_addresses = order.ip;
  // A person is known by a pseudonym alone; everybody else belongs to somebody.
  if (*profile == certs::Profile::officer || *profile == certs::Profile::unit_login)
    wanted.subject.organization = officer.config.agency.name;
  return wanted;
}

base::Result<Answer> issue(Context& context, const Order& order) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  if (order.csr.empty() == order.label.empty())
    return base::error(base::Code::invalid_argument, "cli.label_or_csr");
  BASE_TRY(const auto wanted,
           order.csr.empty() ? for_token_key(officer, order) : for_request_file(officer, order));
  return ask_certificate(officer, wanted, order);
}

/// The same name and the same key again, for another life.
base::Result<Answer> renew(Context& context, Order order) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  std::vector<certs::Issued> rows;
  {
    BASE_TRY(auto tx, officer.pool.begin(store::Mode::read_only));
    certs::CertificateRegister issued(tx, context.clock(), officer.name);
    BASE_TRY(rows, issued.list(order.label));
  }
  if (rows.empty()) return base::error(base::Code::not_found, "certs.not_issued", order.label);
  order.name = rows.front().certificate.common_name();
  BASE_TRY(const auto wanted, for_token_key(officer, order));
  return ask_certificate(officer, wanted, order);
}

base::Result<Answer> lint_file(const std::filesystem::path& file) {
  const certs::PkiDirectory there(file.parent_path());
  BASE_TRY(const auto certificate, there.certificate(file.filename().string()));
  const auto findings = certs::lint(certificate);
  const auto profile = certs::profile_of(certificate);
  base::JsonWriter out;
  out.StartObject();
  out.member("profile", profile ? certs::to_string(*profile) : std::string_view("unknown"));
  out.key("findings");
  out.StartArray();
  std::string text = "用途 profile: " + (profile ? std::string(certs::to_string(*profile))
                                                 : std::string("未知 unknown"));
  for (const auto& one : findings) {
    out.StartObject();
    out.member("id", one.id);
    out.member("clause", one.clause);
    out.EndObject();
    text += "\n  " + std::string(one.id) + "  (" + std::string(one.clause) + ")";
  }
  out.EndArray();
  out.EndObject();
  if (findings.empty()) text += "\n  无问题 · nothing found";
  return Answer{out.text(), text, findings.empty() ? kDone : kIntegrity};
}

}  // namespace

void register_cert(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("cert", "certificates that our authorities issued");
  noun->require_subcommand(1);
  const auto wish = std::make_shared<Wish>();
  noun->add_subcommand("list", "all of them, newest first")->callback([&context] {
    context.run([&] { return list(context); });
  });
  auto* shown = noun->add_subcommand("show", "one of them");
  shown->add_option("SERIAL", wish->serial, "serial number, hex")->required();
  shown->callback([&context, wish] { context.run([&] { return show(context, wish->serial); }); });
  const auto file = std::make_shared<std::filesystem::path>();
  auto* linted = noun->add_subcommand("lint", "hold a certificate against RFC 5280 and our rules");
  linted->add_option("FILE", *file, "PEM")->required();
  linted->callback([&context, file] { context.run([&] { return lint_file(*file); }); });
  const auto order = std::make_shared<Order>();
  auto* made =
      noun->add_subcommand("issue", "ask for a certificate, of a key in the token or of a request");
  made->add_option("LABEL", order->label, "of the key in the token");
  made->add_option("--csr", order->csr, "PKCS#10 in PEM, of a key elsewhere");
  made->add_option("--profile", order->profile, "with --csr: what it is for")
      ->check(CLI::IsMember({"officer", "person_login", "unit_login", "tls_server"}));
  made->add_option("--name", order->name,
                   "common name; of a key in the token: as before when left out");
  made->add_option("--serial-number", order->serial_number,
                   "login certificates: a pseudonym, never an identity number");
  made->add_option("--dns", order->dns, "servers: a DNS name; may be repeated");
  made->add_option("--ip", order->ip, "servers: an address; may be repeated");
  auto* again = noun->add_subcommand("renew", "ask for the next certificate of a key, same name");
  again->add_option("LABEL", order->label, "of the key in the token")->required();
  for (auto* verb : {made, again}) {
    verb->add_option("--reason", order->reason, "shown to who approves");
    verb->add_flag("--dry-run", order->dry_run, "show the request, make none");
  }
  made->callback([&context, order] { context.run([&] { return issue(context, *order); }); });
  again->callback([&context, order] { context.run([&] { return renew(context, *order); }); });
  auto* revoked = noun->add_subcommand("revoke", "revoke one, for ever, and publish new lists");
  revoked->add_option("SERIAL", wish->serial, "serial number, hex")->required();
  std::vector<std::string> names;
  for (const auto& reason : kReasons) names.emplace_back(reason.name);
  revoked->add_option("--reason", wish->reason, "RFC 5280 reason")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  revoked->add_option("--invalid-since", wish->invalid_since,
                      "what was sealed before this time (RFC 3339) stays good");
  revoked->add_flag("--dry-run", wish->dry_run, "show which it is, revoke nothing");
  revoked->callback([&context, wish] { context.run([&] { return revoke(context, *wish); }); });
}

}  // namespace cli
