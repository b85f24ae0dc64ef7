// xinyin seal: electronic seals, applied for and decided by staff, made, used and taken back.
// LD/T 01-2020 5.3.4; docs/decisions/0182-life-of-a-seal.md.
//
// Who acts is an account of staff that logs in here with its password. Looking at the picture of a
// seal that is not applied for yet needs nobody.
#include "seal/seals.h"

#include <fstream>
#include <sstream>

#include "api/cli/augment.h"
#include "api/cli/people.h"
#include "api/cli/private_file.h"
#include "api/cli/seal_batch.h"
#include "api/cli/seal_make.h"
#include "auth/staff.h"
#include "base/json.h"

namespace cli {
namespace {

struct Options {
  StaffLogin staff;
  std::filesystem::path file, out;
  std::string font = seal::pdf::kTitleFont;
  std::string seal, request, reason;
  bool dry_run = false;
};

struct Desk {
  std::unique_ptr<People> people;
  auth::SubjectId staff;
  seal::Seals seals;
  Desk(Context& context, std::unique_ptr<People> opened, auth::SubjectId who)
      : people(std::move(opened)),
        staff(std::move(who)),
        seals({people->pool, context.clock(), context.random()}) {}
};

base::Result<std::unique_ptr<Desk>> open_desk(Context& context, const Options& options) {
  BASE_TRY(auto people, open_people(context));
  BASE_TRY(auto staff, log_in_staff(*people, options.staff));
  return std::make_unique<Desk>(context, std::move(people), std::move(staff));
}

base::Result<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(seal::kMostSpecBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in && in.gcount() == 0)) return file_failure(file, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Answer said(std::string_view name, std::string_view value, std::string text) {
  base::JsonWriter out;
  out.StartObject();
  out.member(name, value);
  out.EndObject();
  return {out.text(), std::move(text), kDone};
}

Answer asked(const std::string& request) {
  return said("request", request,
              "已提出，须另外两名工作人员批准 · proposed, two others must approve: " + request);
}

base::Result<Answer> apply(Context& context, const Options& options) {
  BASE_TRY(const auto text, read_file(options.file));
  BASE_TRY(const auto spec, seal::read_seal_spec(text));
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_apply", spec.id, "可以提出 · could be applied for");
  BASE_TRY(const auto request, desk->seals.apply(text, desk->staff));
  return asked(request);
}

base::Result<Answer> policy(Context& context, const Options& options) {
  BASE_TRY(const auto text, read_file(options.file));
  BASE_TRY([[maybe_unused]] const auto read, seal::read_seal_policy(text));
  BASE_TRY_VOID(auth::reason_given(options.reason));
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_ask", options.seal, "可以提出 · could be asked for");
  BASE_TRY(const auto request,
           desk->seals.ask_policy(options.seal, text, options.reason, desk->staff));
  return asked(request);
}

template <seal::Seals::Ask kWhat>
base::Result<Answer> ask(Context& context, const Options& options) {
  BASE_TRY_VOID(auth::reason_given(options.reason));
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_ask", options.seal, "可以提出 · could be asked for");
  BASE_TRY(const auto request, desk->seals.ask(kWhat, options.seal, options.reason, desk->staff));
  return asked(request);
}

base::Result<Answer> approve(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_approve", options.request, "可以批准 · may approve");
  BASE_TRY(const auto outcome, desk->seals.approve(options.request, desk->staff));
  if (outcome == seal::Seals::Outcome::done)
    return said("request", options.request, "已批准并生效 · approved and in force");
  auto answer =
      said("request", options.request, "已批准，还需另一人批准 · approved, another one is needed");
  answer.exit = kWaiting;
  return answer;
}

base::Result<Answer> refuse(Context& context, const Options& options) {
  BASE_TRY_VOID(auth::reason_given(options.reason));
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_refuse", options.request, "可以拒绝 · may refuse");
  BASE_TRY_VOID(desk->seals.refuse(options.request, options.reason, desk->staff));
  return said("request", options.request, "已拒绝或撤回 · refused or withdrawn");
}

base::Result<Answer> suspend(Context& context, const Options& options) {
  BASE_TRY_VOID(auth::reason_given(options.reason));
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_suspend", options.seal, "可以停用 · may be suspended");
  BASE_TRY_VOID(desk->seals.suspend(options.seal, options.reason, desk->staff.value()));
  return said("seal", options.seal,
              "已停用；此前用印的文书仍然有效 · suspended; what it sealed before stays valid");
}

base::Result<std::string> drawn(const Options& options, const seal::SealPictureSpec& picture) {
  BASE_TRY(const auto face, seal::pdf::FontFace::open(options.font));
  BASE_TRY(const auto paths, seal::pdf::draw_seal(*face, picture));
  return seal::pdf::seal_svg(paths, picture);
}

base::Result<Answer> make(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto found, desk->seals.find(options.seal));
  if (!found) return base::error(base::Code::not_found, "seal.unknown");
  if (!found->spec.ofd_key.empty()) return base::error(base::Code::conflict, "seal.by_officers");
  BASE_TRY(auto svg, drawn(options, found->spec.picture));
  if (options.dry_run) return said("would_make", options.seal, "可以制章 · may be made");
  BASE_TRY_VOID(desk->seals.made(options.seal, std::move(svg), {}, desk->staff.value()));
  return said("seal", options.seal, "已制章 · made");
}

base::Result<Answer> activate(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  if (options.dry_run) return said("would_activate", options.seal, "可以启用 · may be activated");
  BASE_TRY_VOID(desk->seals.activate(options.seal, desk->staff));
  return said("seal", options.seal, "已启用 · in use from now on");
}

base::Result<Answer> picture(Context&, const Options& options) {
  BASE_TRY(const auto text, read_file(options.file));
  BASE_TRY(const auto spec, seal::read_seal_spec(text));
  BASE_TRY(const auto svg, drawn(options, spec.picture));
  std::ofstream out(options.out, std::ios::binary);
  out << svg;
  out.flush();
  if (!out) return file_failure(options.out, "cannot be written");
  return said("file", options.out.string(), "印模在 · the picture is in " + options.out.string());
}

void put_raw(base::JsonWriter& out, std::string_view name, const std::string& json) {
  out.key(name);
  out.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

void put_seal(base::JsonWriter& out, const seal::Seal& one) {
  out.member("state", to_string(one.state));
  out.member("since", base::to_rfc3339(one.since));
  if (one.made_at) out.member("made_at", base::to_rfc3339(*one.made_at));
  put_raw(out, "seal", to_json(one.spec));
}

base::Result<Answer> list(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto all, desk->seals.all());
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : all) {
    out.StartObject();
    put_seal(out, one);
    out.EndObject();
    text += (text.empty() ? "" : "\n") + one.spec.id + "  " + std::string(to_string(one.state)) +
            "  " + base::to_china_time(one.since) + "  " + one.spec.name;
  }
  out.EndArray();
  return Answer{out.text(), text.empty() ? "没有印章 · none" : text, kDone};
}

base::Result<Answer> show(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto one, desk->seals.find(options.seal));
  if (!one) return base::error(base::Code::not_found, "seal.unknown");
  BASE_TRY(const auto steps, desk->seals.history(options.seal));
  base::JsonWriter out;
  out.StartObject();
  put_seal(out, *one);
  out.key("history");
  out.StartArray();
  std::string text = std::string(to_string(one->state)) + "\n" + to_json(one->spec);
  for (const auto& step : steps) {
    out.StartObject();
    out.member("at", base::to_rfc3339(step.at));
    out.member("act", step.act);
    out.member("by", step.by);
    out.member("reason", step.reason);
    out.member("state", step.state);
    out.EndObject();
    text += "\n" + base::to_china_time(step.at) + "  " + step.act + " → " + step.state + "  " +
            step.by + (step.reason.empty() ? "" : "  " + step.reason);
  }
  out.EndArray();
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> requests(Context& context, const Options& options) {
  BASE_TRY(const auto desk, open_desk(context, options));
  BASE_TRY(const auto open, desk->seals.open());
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : open) {
    out.StartObject();
    out.member("request", one.id);
    out.member("seal", one.seal);
    out.member("act", one.act);
    out.member("reason", one.reason);
    out.member("asked_by", one.asked_by);
    out.member("asked_at", base::to_rfc3339(one.asked_at));
    out.member("approvals", one.approvals);
    out.member("approvals_needed", seal::kSealApprovals);
    put_raw(out, "proposed", one.proposal);
    out.EndObject();
    text += (text.empty() ? "" : "\n") + one.id + "  " + one.act + "  " + one.seal + "  " +
            std::to_string(one.approvals) + "/" + std::to_string(seal::kSealApprovals) +
            (one.reason.empty() ? "" : "  " + one.reason) + "\n  " + one.proposal;
  }
  out.EndArray();
  return Answer{out.text(), text.empty() ? "没有待批准的申请 · none waits" : text, kDone};
}

}  // namespace

void register_seal(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand(
      "seal", "电子印章的申请、批准、制作、启用与停用 · electronic seals and their life");
  noun->require_subcommand(1);
  auto o = std::make_shared<Options>();
  using Verb = base::Result<Answer> (*)(Context&, const Options&);
  const auto verb = [&](const char* name, const char* help, Verb run, bool changes = true) {
    auto* sub = add_staff_verb(*noun, name, help, o->staff);
    sub->callback([o, &context, run] { context.run([&] { return run(context, *o); }); });
    if (changes) sub->add_flag("--dry-run", o->dry_run, "check everything, change nothing");
    return sub;
  };
  const auto of_seal = [&](CLI::App* sub) {
    sub->add_option("seal", o->seal, "the seal's number, 14 digits")->required();
    return sub;
  };
  const auto with_reason = [&](CLI::App* sub) {
    sub->add_option("--reason", o->reason, "why")->required();
    return sub;
  };
  const auto of_request = [&](CLI::App* sub) {
    sub->add_option("request", o->request, "its id, from requests")->required();
    return sub;
  };
  verb("apply", "apply for a seal", apply)
      ->add_option("file", o->file, "JSON: what it is (docs/seals.md)")
      ->required();
  of_seal(with_reason(verb("policy", "propose who may use it for what, when, how often", policy)))
      ->add_option("file", o->file, "JSON: the policy (docs/seals.md)")
      ->required();
  of_request(verb("approve", "approve a request", approve));
  with_reason(of_request(verb("refuse", "refuse a request, or withdraw one's own", refuse)));
  of_seal(verb("make", "make one that was approved and seals PDF alone", make))
      ->add_option("--font", o->font, "file of the font on it")
      ->capture_default_str();
  of_seal(verb("activate", "hand it over: it seals from now on", activate));
  with_reason(of_seal(verb("suspend", "stop it at once", suspend)));
  with_reason(of_seal(
      verb("resume", "propose that a suspended one goes on", ask<seal::Seals::Ask::resume>)));
  with_reason(of_seal(verb("revoke", "propose to end it for good", ask<seal::Seals::Ask::revoke>)));
  with_reason(of_seal(verb("destroy", "propose to record that a revoked one was destroyed",
                           ask<seal::Seals::Ask::destroy>)));
  verb("list", "all seals", list, false);
  of_seal(verb("show", "one seal and all its steps", show, false));
  verb("requests", "what waits for approval", requests, false);
  auto order = std::make_shared<SealOrder>();
  order->font = seal::pdf::kTitleFont;
  auto* object = noun->add_subcommand(
      "object",
      "ask officers to sign the object of an approved seal for OFD; it is made with that");
  object->add_option("seal", order->seal, "the seal's number, 14 digits")->required();
  object->add_option("--maker", order->maker, "label of the seal maker's key")->required();
  object->add_option("--reason", order->reason, "why, for who votes");
  object->add_option("--font", order->font, "file of the font on it")->capture_default_str();
  object->add_flag("--dry-run", order->dry_run, "check everything, ask nobody");
  object->callback(
      [order, &context] { context.run([&] { return ask_seal_object(context, *order); }); });
  auto batch = std::make_shared<BatchOrder>();
  auto* many = noun->add_subcommand(
      "batch", "hand in a file of documents, wait for them, put them into a directory");
  many->add_option("in", batch->in, "file: a line of JSON for each document")->required();
  many->add_option("out", batch->out, "directory for the documents and their list")->required();
  many->add_option("--url", batch->url, "the service, e.g. https://si.example.gov.cn")->required();
  many->add_option("--client", batch->client, "id of the client that hands in")->required();
  many->add_option("--secret-file", batch->secret_file, "file of its secret")->required();
  many->add_option("--roots", batch->roots_file, "PEM file of roots for TLS; else the system's");
  many->add_flag("--dry-run", batch->dry_run, "read every line, hand nothing in");
  many->callback([batch, &context] { context.run([&] { return run_batch(context, *batch); }); });
  add_augment(*noun, context);
  auto* drawing = noun->add_subcommand("picture", "draw what a seal would look like, as SVG");
  drawing->add_option("file", o->file, "JSON: what it is")->required();
  drawing->add_option("--out", o->out, "file to write")->required();
  drawing->add_option("--font", o->font, "file of the font on it")->capture_default_str();
  drawing->callback([o, &context] { context.run([&] { return picture(context, *o); }); });
}

}  // namespace cli
