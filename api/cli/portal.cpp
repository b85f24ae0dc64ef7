// xinyin portal: portals and third-party platforms, proposed and decided by staff. LD/T 01-2020
// 6.1.2e; docs/decisions/0100-portals.md.
//
// Who acts is an account of staff that logs in here with its password. A secret is made here, shown
// once or written to a file of its owner alone, and kept as its digest.
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "api/cli/people.h"
#include "api/cli/private_file.h"
#include "auth/client_metadata.h"
#include "auth/dynamic_clients.h"
#include "auth/portals.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cli {
namespace {

struct Options {
  StaffLogin staff;
  std::filesystem::path file, secret_out;
  std::string client, request, reason, until, agreement;
  int soon_days = auth::kSoonDays, overlap_days = 7;
  bool dry_run = false;
};

struct Desk {
  std::unique_ptr<People> people;
  auth::SubjectId staff;
  auth::Clients clients;
  auth::Portals portals;
  auth::DynamicClients dynamic;
  Desk(Context& context, std::unique_ptr<People> opened, auth::SubjectId who)
      : people(std::move(opened)),
        staff(std::move(who)),
        clients(people->pool),
        portals({people->pool, clients, context.clock(), context.random()}),
        dynamic({people->pool, clients, context.clock(), context.random(), {}}) {}
};

base::Result<std::unique_ptr<Desk>> open_desk(Context& context, const Options& options) {
  BASE_TRY(auto people, open_people(context));
  BASE_TRY(auto staff, log_in_staff(*people, options.staff));
  return std::make_unique<Desk>(context, std::move(people), std::move(staff));
}

base::Result<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(auth::kMetadataMost + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in && in.gcount() == 0)) return file_failure(file, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Answer said(std::string_view name, const std::string& value, std::string text) {
  base::JsonWriter out;
  out.StartObject();
  out.member(name, std::string_view(value));
  out.EndObject();
  return {out.text(), std::move(text), kDone};
}

Answer asked(const std::string& request) {
  return said("request", request,
              "已提出，须另外两名工作人员批准 · proposed, two others must approve: " + request);
}

base::Result<Answer> propose(Context& context, const Options& options) {
  BASE_TRY(const auto metadata, read_file(options.file));
  BASE_TRY(const auto client, auth::read_client_metadata(metadata, auth::UnknownMembers::refused));
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run)
    return said("would_propose", client.id.value(), "可以提出 · could be proposed");
  BASE_TRY(const auto request, desk->portals.propose(metadata, desk->staff));
  return asked(request);
}

base::Result<Answer> propose_resume(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_propose", options.client, "可以提出 · could be proposed");
  BASE_TRY(const auto request, desk->portals.propose_resume(options.client, desk->staff));
  return asked(request);
}

base::Result<Answer> propose_renewal(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_propose", options.client, "可以提出 · could be proposed");
  BASE_TRY(const auto request, desk->portals.propose_renewal(options.client, options.agreement,
                                                             options.until, desk->staff));
  return asked(request);
}

base::Result<Answer> propose_secret(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_propose", options.client, "可以提出 · could be proposed");
  BASE_TRY(const auto request, desk->portals.propose_secret(
                               options.client, std::chrono::hours(24 * options.overlap_days),
                               desk->staff));
  return asked(request);
}

base::Result<Answer> propose_token(Context& context, const Options& options) {
  BASE_TRY(const auto token, read_file(options.file));
  BASE_TRY_VOID(auth::read_initial_token(token, context.clock().now()));
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run)
    return said("would_propose", options.file.string(), "可以提出 · could be proposed");
  BASE_TRY(const auto request, desk->portals.propose_token(token, desk->staff));
  return asked(request);
}

base::Result<Answer> tokens(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto all, desk->dynamic.tokens());
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : all) {
    out.StartObject();
    out.member("id", one.id);
    out.member("operator", one.operator_name);
    out.member("scope", one.scopes);
    out.member("uses_left", one.uses_left);
    out.member("expires_at", base::to_rfc3339(one.expires_at));
    out.member("made_by", one.made_by);
    out.EndObject();
    text += (text.empty() ? "" : "\n") + one.id + "  " + std::to_string(one.uses_left) + "×  " +
            base::to_china_time(one.expires_at) + "  " + one.operator_name;
  }
  out.EndArray();
  return Answer{out.text(), text.empty() ? "没有可用的登记令牌 · none can be used" : text, kDone};
}

base::Result<Answer> revoke_token(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_revoke", options.client, "可以作废 · may be revoked");
  BASE_TRY_VOID(desk->dynamic.revoke_token(options.client, desk->staff));
  return said("token", options.client, "已作废 · revoked");
}

/// The file first: a secret that is in force must be known to somebody.
base::Result<Answer> approve(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_approve", options.request, "可以批准 · may approve");
  const auto secret = base::to_base64url(context.random().bytes(32));
  if (!options.secret_out.empty()) BASE_TRY_VOID(write_private(options.secret_out, secret + "\n"));
  const auto outcome = desk->portals.approve(options.request, desk->staff, secret);
  using Outcome = auth::Portals::Outcome;
  const bool used = outcome.ok() && *outcome == Outcome::done_with_secret;
  if (!used && !options.secret_out.empty()) ::unlink(options.secret_out.c_str());
  if (!outcome.ok()) return outcome.error();
  if (*outcome == Outcome::waiting) {
    auto answer = said("request", options.request,
                       "已批准，还需另一人批准 · approved, another one is needed");
    answer.exit = kWaiting;
    return answer;
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("request", options.request);
  std::string text = "已批准并生效 · approved and in force";
  if (used && options.secret_out.empty()) {
    out.member("secret", secret);
    text += "\n密钥只显示这一次 · the secret, shown this once: " + secret;
  } else if (used) {
    out.member("secret_file", options.secret_out.string());
    text += "\n密钥在 · the secret is in " + options.secret_out.string();
  }
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> refuse(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_refuse", options.request, "可以拒绝 · may refuse");
  BASE_TRY_VOID(desk->portals.refuse(options.request, desk->staff, options.reason));
  return said("request", options.request, "已拒绝 · refused");
}

base::Result<Answer> suspend(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_suspend", options.client, "可以停用 · may be stopped");
  BASE_TRY_VOID(desk->portals.suspend(options.client, desk->staff, options.reason));
  return said("client", options.client, "已停用，令牌全部失效 · stopped, its tokens have ended");
}

base::Result<Answer> end_old_secret(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_end", options.client, "可以终止 · may be ended");
  BASE_TRY_VOID(desk->portals.end_old_secret(options.client, desk->staff, options.reason));
  return said("client", options.client, "旧密钥已失效 · the old secret has ended");
}

base::Result<Answer> list(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto all, desk->clients.all());
  const auto now = context.clock().now();
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : all) {
    const auto standing = to_text(auth::client_standing(one, now, options.soon_days));
    const auto& client = one.client;
    const auto until = auth::agreement_last_day(client);
    out.StartObject();
    out.member("client_id", client.id.value());
    out.member("client_name", client.name);
    out.member("kind", client.kind);
    out.member("operator", client.operator_name);
    out.member("agreement_until", until);
    out.member("standing", standing);
    out.EndObject();
    text += (text.empty() ? "" : "\n") + client.id.value() + "  " + client.kind + "  " +
            std::string(standing) + (until.empty() ? "" : "  " + until) + "  " + client.name;
  }
  out.EndArray();
  return Answer{out.text(), text.empty() ? "没有应用 · none" : text, kDone};
}

void put_raw(base::JsonWriter& out, std::string_view name, const std::string& json) {
  out.key(name);
  out.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

base::Result<Answer> show(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto one, desk->portals.show(options.client));
  BASE_TRY(const auto steps, desk->portals.history(options.client));
  const auto standing =
      to_text(auth::client_standing(one, context.clock().now(), options.soon_days));
  const auto registration = auth::client_metadata(one.client);
  base::JsonWriter out;
  out.StartObject();
  out.member("standing", standing);
  const bool two_secrets = one.old_secret_until > context.clock().now();
  if (two_secrets) out.member("old_secret_until", base::to_rfc3339(*one.old_secret_until));
  put_raw(out, "registration", registration);
  out.key("history");
  out.StartArray();
  std::string text = std::string(standing) + "\n" + registration;
  if (two_secrets)
    text += "\n旧密钥有效至 · the old secret goes on until " +
            base::to_china_time(*one.old_secret_until);
  for (const auto& step : steps) {
    out.StartObject();
    out.member("at", base::to_rfc3339(step.at));
    out.member("by", step.by);
    out.member("act", step.act);
    out.member("reason", step.reason);
    put_raw(out, "registration", step.registration);
    out.EndObject();
    text += "\n" + base::to_china_time(step.at) + "  " + step.act + "  " + step.by +
            (step.reason.empty() ? "" : "  " + step.reason);
  }
  out.EndArray();
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

/// With what is in force beside what is proposed, so that who approves sees the change.
base::Result<Answer> requests(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto open, desk->portals.open());
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : open) {
    out.StartObject();
    out.member("request", one.id);
    out.member("client_id", one.client.value());
    out.member("kind", one.kind);
    out.member("asked_by", one.asked_by);
    out.member("asked_at", base::to_rfc3339(one.asked_at));
    out.member("approvals", one.approvals);
    out.member("approvals_needed", one.approvals_needed);
    put_raw(out, "proposed", one.proposal);
    text += (text.empty() ? "" : "\n") + one.id + "  " + one.kind + "  " + one.client.value() +
            "  " + std::to_string(one.approvals) + "/" + std::to_string(one.approvals_needed) +
            "\n  将为 proposed: " + one.proposal;
    if (const auto now = desk->portals.show(one.client.value()); now.ok()) {
      const auto in_force = auth::client_metadata(now->client);
      put_raw(out, "in_force", in_force);
      text += "\n  现为 in force: " + in_force;
    }
    out.EndObject();
  }
  out.EndArray();
  return Answer{out.text(), text.empty() ? "没有待办 · nothing is open" : text, kDone};
}

}  // namespace

void register_portal(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("portal", "portals and platforms that log people in here");
  noun->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  using Verb = base::Result<Answer> (*)(Context&, const Options&);
  const auto verb = [&](const char* name, const char* help, Verb run, bool changes = true) {
    auto* out = add_staff_verb(*noun, name, help, o->staff);
    if (changes) out->add_flag("--dry-run", o->dry_run, "log in and check, change nothing");
    out->callback([&context, o, run] { context.run([&] { return run(context, *o); }); });
    return out;
  };
  const auto client = [&](CLI::App* out) {
    out->add_option("client", o->client, "client id")->required();
  };
  verb("propose", "a registration, or a change of one; two others approve", propose)
      ->add_option("file", o->file, "JSON: the registration (docs/identity.md)")
      ->required();
  auto* listing = verb("list", "all of them, those that run out first on top", list, false);
  listing->add_option("--soon-days", o->soon_days, "ends within so many days: soon")
      ->capture_default_str()
      ->check(CLI::Range(1, 3650));
  client(verb("show", "what is registered, and its history", show, false));
  verb("requests", "what waits for approvals, beside what is in force", requests, false);
  auto* approving = verb("approve", "approve; the last approval puts it into force", approve);
  approving->add_option("request", o->request, "request id, from requests")->required();
  approving->add_option("--secret-out", o->secret_out,
                        "file for a secret that this makes, mode 0600; else it is shown once");
  auto* refusing = verb("refuse", "refuse, or withdraw what one proposed", refuse);
  refusing->add_option("request", o->request, "request id, from requests")->required();
  refusing->add_option("--reason", o->reason, "why")->required();
  auto* stopping = verb("suspend", "stop it at once: its logins and tokens end", suspend);
  client(stopping);
  stopping->add_option("--reason", o->reason, "why")->required();
  client(verb("resume", "propose that a stopped one goes on", propose_resume));
  verb("propose-token", "a token with which clients register themselves", propose_token)
      ->add_option("file", o->file, "JSON: what it allows (docs/identity.md)")
      ->required();
  verb("tokens", "tokens for registering that can be used", tokens, false);
  verb("revoke-token", "end one at once", revoke_token)
      ->add_option("token", o->client, "its id, from tokens")
      ->required();
  auto* renewing = verb("renew", "propose another end of its agreement", propose_renewal);
  client(renewing);
  renewing->add_option("--until", o->until, "last day, e.g. 2028-12-31")->required();
  renewing->add_option("--agreement", o->agreement, "number of the new agreement");
  auto* rotating = verb("rotate-secret", "propose a new secret, the old one beside it for a time",
                        propose_secret);
  client(rotating);
  rotating->add_option("--overlap", o->overlap_days, "days that the old one goes on; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 30));
  auto* ending = verb("end-old-secret", "end it at once, before its time", end_old_secret);
  client(ending);
  ending->add_option("--reason", o->reason, "why")->required();
}

}  // namespace cli
