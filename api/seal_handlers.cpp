// The console: seals. LD/T 01-2020 5.3.4; docs/decisions/0182-life-of-a-seal.md.
#include <charconv>

#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/seal_pages.h"
#include "api/problem.h"
#include "api/staff_deeds.h"
#include "api/staff_handlers.h"
#include "auth/staff.h"
#include "base/json.h"

namespace api {
namespace {

constexpr std::string_view kSealsPath = "/staff/seals";
constexpr std::string_view kRequestsPath = "/staff/seal-requests";

std::string below(std::string_view path, std::string_view id) {
  return std::string(path) + "/" + percent_encode(id);
}

std::string_view done_key(std::string_view word) {
  if (word == "asked") return "web.seal.done.asked";
  if (word == "approved") return "web.staff.done.approved";
  if (word == "waiting") return "web.staff.done.waiting";
  if (word == "refused") return "web.staff.done.refused";
  if (word == "made") return "web.seal.done.made";
  if (word == "activated") return "web.seal.done.activated";
  if (word == "suspended") return "web.seal.done.suspended";
  return {};
}

seal::Seals seals_of(Call& call) {
  return seal::Seals({call.services.pool, call.services.clock, call.services.random});
}

void begin(Call& call, pages::StaffPage& shown) {
  begin_staff(call, shown);
  shown.done = done_key(only(call.request.query, "done").value_or(""));
}

base::Result<std::string> drawn(Call& call, const seal::SealPictureSpec& picture) {
  const auto& font = call.services.config.font_file;
  BASE_TRY(const auto face,
           seal::pdf::FontFace::open(font.empty() ? seal::pdf::kTitleFont : font.string()));
  BASE_TRY(const auto paths, seal::pdf::draw_seal(*face, picture));
  return seal::pdf::seal_svg(paths, picture);
}

base::Result<Response> show_seals(Call& call, pages::StaffSeals shown) {
  BASE_TRY(const auto house, call.house());
  begin(call, shown);
  auto seals = seals_of(call);
  BASE_TRY(shown.all, seals.all());
  BASE_TRY(shown.open, seals.open());
  for (const auto& one : shown.open)
    BASE_TRY_VOID(put_login_name(*house, one.asked_by, shown.names));
  return staff_answer(call, pages::staff_seals(pages_look(), shown), shown.problem);
}

base::Result<Response> show_seal(Call& call, pages::StaffSeal shown) {
  BASE_TRY(const auto house, call.house());
  begin(call, shown);
  auto seals = seals_of(call);
  BASE_TRY(auto found, seals.find(call.path("id")));
  if (!found) return base::error(base::Code::not_found, "seal.unknown");
  shown.seal = std::move(*found);
  BASE_TRY(shown.steps, seals.history(call.path("id")));
  for (const auto& one : shown.steps) BASE_TRY_VOID(put_login_name(*house, one.by, shown.names));
  shown.svg = shown.seal.svg;
  if (shown.svg.empty()) {
    BASE_TRY(shown.svg, drawn(call, shown.seal.spec.picture));
  }
  return staff_answer(call, pages::staff_seal(pages_look(), shown), shown.problem);
}

base::Result<Response> show_request(Call& call, const base::Error* problem,
                                    const std::string& reason) {
  BASE_TRY(const auto house, call.house());
  auto seals = seals_of(call);
  BASE_TRY(auto found, seals.find_open(call.path("id")));
  if (!found) return base::error(base::Code::not_found, "seal.request_unknown");
  pages::StaffSealRequest shown;
  begin(call, shown);
  shown.problem = problem;
  shown.typed.emplace("reason", reason);
  shown.request = std::move(*found);
  BASE_TRY_VOID(put_login_name(*house, shown.request.asked_by, shown.names));
  if (shown.request.act == "apply") {
    BASE_TRY(const auto spec, seal::read_seal_spec(shown.request.proposal));
    BASE_TRY(shown.svg, drawn(call, spec.picture));
  } else {
    BASE_TRY(const auto now, seals.find(shown.request.seal));
    if (now) {
      shown.in_force = to_json(now->spec);
      shown.svg = now->svg;
    }
  }
  return staff_answer(call, pages::staff_seal_request(pages_look(), shown), problem);
}

/// A number as JSON writes it, or else the text, which is then refused by its name.
void put_number(base::JsonWriter& out, std::string_view name, const std::string& text) {
  double value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size())
    return out.member(name, std::string_view(text));
  out.key(name);
  out.Double(value);
}

constexpr const char* kFields[] = {"id",      "name",    "type",   "owner",   "owner_code", "shape",
                                   "width",   "height",  "text",   "caption", "from",       "until",
                                   "pdf_key", "ofd_key", "format", "policy"};

/// What the form begins with: any kind of document, each asked for by whom it concerns or in a
/// batch.
constexpr const char* kFirstPolicy = R"({"kinds": ["*"], "uses": ["own", "batch"]})";

/// The form's fields as the spec that they mean; what they mean is judged in seal.
std::string spec_in(const Parameters& form) {
  const auto field = [&](const char* name) { return form_text(form, name); };
  base::JsonWriter out;
  const auto texts = [&](std::initializer_list<std::pair<const char*, const char*>> names) {
    for (const auto& [member, name] : names)
      if (const auto value = field(name); !value.empty())
        out.member(member, std::string_view(value));
  };
  const auto object = [&](std::string_view name, const auto& fill) {
    out.key(name);
    out.StartObject();
    fill();
    out.EndObject();
  };
  out.StartObject();
  texts({{"id", "id"}, {"name", "name"}, {"type", "type"}});
  object("owner", [&] { texts({{"name", "owner"}, {"code", "owner_code"}}); });
  object("picture", [&] {
    texts({{"shape", "shape"}, {"text", "text"}, {"caption", "caption"}});
    put_number(out, "width_mm", field("width"));
    put_number(out, "height_mm", field("height"));
  });
  object("valid", [&] { texts({{"from", "from"}, {"until", "until"}}); });
  object("keys", [&] { texts({{"pdf", "pdf_key"}, {"ofd", "ofd_key"}}); });
  if (const auto ofd = field("ofd_key"); !ofd.empty() && !field("format").empty()) {
    out.key("format");
    out.Int(field("format") == "5" ? 5 : 4);
  }
  const auto policy = field("policy");
  const auto read = base::parse_json(policy, {seal::kMostSpecBytes, 6});
  if (read.ok() && read->IsObject()) {
    out.key("policy");
    out.RawValue(policy.data(), policy.size(), rapidjson::kObjectType);
  } else {
    out.member("policy", std::string_view(policy));
  }
  out.EndObject();
  return out.text();
}

/// What a deed at a seal comes to: the word that tells it.
base::Result<std::string_view> perform(Call& call, const Parameters& form) {
  const auto id = call.path("id");
  const auto& staff = call.session->subject;
  const auto act = form_text(form, "act"), reason = form_text(form, "reason");
  auto seals = seals_of(call);
  if (act == "make") {
    BASE_TRY(const auto found, seals.find(id));
    if (!found) return base::error(base::Code::not_found, "seal.unknown");
    if (!found->spec.ofd_key.empty()) return base::error(base::Code::conflict, "seal.by_officers");
    BASE_TRY(auto svg, drawn(call, found->spec.picture));
    BASE_TRY_VOID(seals.made(id, std::move(svg), {}, staff.value()));
    return std::string_view("made");
  }
  if (act == "activate") {
    BASE_TRY_VOID(seals.activate(id, staff));
    return std::string_view("activated");
  }
  BASE_TRY_VOID(auth::reason_given(reason));
  if (act == "suspend") {
    BASE_TRY_VOID(seals.suspend(id, reason, staff.value()));
    return std::string_view("suspended");
  }
  if (act == "policy") {
    BASE_TRY_VOID(seals.ask_policy(id, form_text(form, "policy"), reason, staff));
    return std::string_view("asked");
  }
  using Ask = seal::Seals::Ask;
  for (const auto& [word, what] :
       {std::pair{"resume", Ask::resume}, {"revoke", Ask::revoke}, {"destroy", Ask::destroy}})
    if (act == word) {
      BASE_TRY_VOID(seals.ask(what, id, reason, staff));
      return std::string_view("asked");
    }
  return base::error(base::Code::invalid_argument, "auth.request.nothing");
}

}  // namespace

namespace handlers {

base::Result<Response> staff_seals_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, kSealsPath));
  if (asked) return std::move(*asked);
  pages::StaffSeals shown;
  shown.typed.emplace("policy", kFirstPolicy);
  return show_seals(call, std::move(shown));
}

base::Result<Response> staff_seal_apply(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_staff_deed(call, kSealsPath));
  if (asked) return std::move(*asked);
  const auto json = spec_in(form);
  pages::StaffSeals shown;
  for (const auto* name : kFields) shown.typed.emplace(name, form_text(form, name));
  const auto spec = seal::read_seal_spec(json);
  auto problem = spec.ok() ? std::optional<base::Error>() : std::optional(spec.error());
  if (!problem && form_text(form, "look") == "yes") {
    auto svg = drawn(call, spec->picture);
    if (svg.ok()) {
      shown.preview = std::move(*svg);
      return show_seals(call, std::move(shown));
    }
    problem = std::move(svg).error();
  } else if (!problem) {
    // What cannot be drawn must not be approved.
    auto svg = drawn(call, spec->picture);
    auto applied = svg.ok() ? seals_of(call).apply(json, call.session->subject)
                            : base::Result<std::string>(std::move(svg).error());
    if (applied.ok()) return Response::redirect("/staff/seals?done=asked", 303);
    problem = std::move(applied).error();
  }
  if (!is_told_on_page(*problem)) return std::move(*problem);
  shown.problem = &*problem;
  return show_seals(call, std::move(shown));
}

base::Result<Response> staff_seal_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, below(kSealsPath, call.path("id"))));
  if (asked) return std::move(*asked);
  return show_seal(call, {});
}

base::Result<Response> staff_seal_act(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto path = below(kSealsPath, call.path("id"));
  BASE_TRY(auto asked, ask_staff_deed(call, path));
  if (asked) return std::move(*asked);
  const auto done = perform(call, form);
  if (done.ok()) return Response::redirect(path + "?done=" + std::string(*done), 303);
  if (!is_told_on_page(done.error()) || done.error().code == base::Code::not_found)
    return done.error();
  pages::StaffSeal shown;
  shown.problem = &done.error();
  for (const auto* name : {"reason", "policy"}) shown.typed.emplace(name, form_text(form, name));
  return show_seal(call, std::move(shown));
}

base::Result<Response> staff_seal_request_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, below(kRequestsPath, call.path("id"))));
  if (asked) return std::move(*asked);
  return show_request(call, nullptr, {});
}

base::Result<Response> staff_seal_decide(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_staff_deed(call, below(kRequestsPath, call.path("id"))));
  if (asked) return std::move(*asked);
  const auto& staff = call.session->subject;
  const auto reason = form_text(form, "reason");
  auto seals = seals_of(call);
  const auto word = [&]() -> base::Result<std::string_view> {
    if (form_text(form, "decision") == "approve") {
      BASE_TRY(const auto outcome, seals.approve(call.path("id"), staff));
      return std::string_view(outcome == seal::Seals::Outcome::done ? "approved" : "waiting");
    }
    BASE_TRY_VOID(auth::reason_given(reason));
    BASE_TRY_VOID(seals.refuse(call.path("id"), reason, staff));
    return std::string_view("refused");
  }();
  if (word.ok())
    return Response::redirect(std::string(kSealsPath) + "?done=" + std::string(*word), 303);
  if (!is_told_on_page(word.error()) || word.error().code == base::Code::not_found)
    return word.error();
  return show_request(call, &word.error(), reason);
}

}  // namespace handlers

}  // namespace api
