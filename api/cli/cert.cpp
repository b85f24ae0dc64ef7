// xinyin cert list | show | revoke: certificates that our authorities issued.
#include <algorithm>
#include <array>

#include "api/cli/officer.h"
#include "base/encoding.h"
#include "base/json.h"
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
    const auto now = std::chrono::floor<std::chrono::seconds>(context.clock().now());
    BASE_TRY_VOID(issued.revoke(row.issuer, {wish.serial, now, reason->number, invalid_since}));
    BASE_TRY_VOID(tx.commit());
  }
  BASE_TRY(const auto with, authorities(officer));
  BASE_TRY(const auto published, publish(officer, with, std::chrono::hours(24 * 7)));
  base::JsonWriter out;
  out.StartObject();
  out.member("serial", wish.serial);
  out.member("sequence", published.list.sequence);
  out.EndObject();
  return Answer{
      out.text(),
      "已吊销并发布 · revoked, and published in list " + std::to_string(published.list.sequence),
      kDone};
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
  auto* revoked = noun->add_subcommand("revoke", "revoke one, for ever, and publish new lists");
  revoked->add_option("SERIAL", wish->serial, "serial number, hex")->required();
  std::vector<std::string> names;
  for (const auto& reason : kReasons) names.emplace_back(reason.name);
  revoked->add_option("--reason", wish->reason, "RFC 5280 reason")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  revoked->add_option("--invalid-since", wish->invalid_since,
                      "what was sealed before this time (RFC 3339) stays good");
  revoked->callback([&context, wish] { context.run([&] { return revoke(context, *wish); }); });
}

}  // namespace cli
