// Certificates of admitted bodies in the browser: logging in with one, showing one as the second
// step, binding one. Two ways each: a text that its key signs, pasted or uploaded (a form of
// several parts), or the handshake at the address for mutual TLS (a plain form, nothing to sign).
// LD/T 01-2020 5.4.1.3b, 6.2.6d; docs/decisions/0121, 0124, 0126.
#include "api/body_trust.h"
#include "api/form_values.h"
#include "api/multipart.h"
#include "api/page_handlers.h"
#include "api/pages/certificate_pages.h"
#include "api/problem.h"
#include "api/sign_in.h"

namespace api {
namespace {

constexpr std::string_view kSecurityPath = "/account/security";

enum class Act { login, second, bind };

/// What a certificate is shown for, by whom, and what its challenge is bound to.
struct Shown {
  Act act = Act::login;
  std::optional<auth::SubjectId> subject = std::nullopt;
  std::string binding;
  std::optional<AtSecondStep> at = std::nullopt;
};

std::string_view path_of(Act act) {
  return act == Act::login    ? "/login/certificate"
         : act == Act::second ? "/login/second/certificate"
                              : "/account/security/certificate";
}

auth::CertificatePurpose purpose_of(Act act) {
  return act == Act::bind ? auth::CertificatePurpose::binding : auth::CertificatePurpose::login;
}

/// Nothing: nobody stands at that step here; to /login.
base::Result<std::optional<Shown>> shown_for(Call& call, Act act) {
  Shown out;
  out.act = act;
  if (act == Act::login) {
    out.binding = "browser:" + call.form_token();
  } else if (act == Act::second) {
    BASE_TRY(out.at, at_second_step(call));
    if (!out.at) return std::optional<Shown>();
    out.subject = out.at->subject;
    out.binding = out.at->binding;
  } else {
    BASE_TRY(const auto session, call.find_session());
    if (!session) return std::optional<Shown>();
    out.subject = session->subject;
    out.binding = session->id;
  }
  return std::optional(std::move(out));
}

std::string back_of(Act act, const std::string& return_to) {
  if (act == Act::bind) return std::string(kSecurityPath);
  return std::string(act == Act::login ? "/login" : "/login/second") +
         "?return_to=" + percent_encode(return_to);
}

/// Browsers show certificates at the other address only when its cookies are ours too: those of one
/// host are of all its ports (RFC 6265 §8.5).
std::string tls_address(const Call& call) {
  const auto& config = call.services.config;
  const auto host = [](std::string_view origin) {
    origin.remove_prefix(std::min(origin.size(), origin.find("://") + 3));
    const auto end = origin.front() == '[' ? origin.find(']') + 1 : origin.find(':');
    return origin.substr(0, end);
  };
  const auto& other = config.http.mtls_url;
  return !other.empty() && host(other) == host(config.public_url) ? other : std::string();
}

std::vector<std::string> form_origins(Call& call, const std::string& return_to) {
  auto out = origins_in(call, return_to);
  if (call.at_mtls()) out.push_back(call.services.config.public_url);  // where its answer leads
  return out;
}

/// The page with a new text, or with what the browser showed in the handshake.
base::Result<Response> show(Call& call, const Shown& shown, const std::string& return_to,
                            const base::Error* problem) {
  BASE_TRY(const auto house, call.house());
  pages::CertificatePage page;
  page.csrf = call.form_token();
  page.action = path_of(shown.act);
  page.return_to = return_to;
  page.binds = shown.act == Act::bind;
  page.problem = problem;
  // A link leads to the public address from wherever it is read.
  const auto& home = call.services.config.public_url;
  page.back = home + back_of(shown.act, return_to);
  const auto query = "?return_to=" + percent_encode(return_to);
  if (call.at_mtls()) {
    page.at_tls = true;
    page.other = home + page.action + query;
    const auto leaf =
        certs::Certificate::from_der(base::as_bytes(call.request.client_certificate));
    if (leaf.ok()) page.holder = leaf->subject();
  } else {
    BASE_TRY(const auto asked, house->certificates->ask(purpose_of(shown.act), shown.subject,
                                                        shown.binding));
    page.challenge = asked.challenge;
    page.text = asked.text;
    page.file = "/login/certificate/text?for=" + std::string(shown.act == Act::login    ? "login"
                                                            : shown.act == Act::second ? "second"
                                                                                       : "bind") +
                "&challenge=" + asked.challenge;
    if (const auto other = tls_address(call); !other.empty()) page.other = other + page.action + query;
  }
  auto answer = Response::html(pages::certificate(pages_look(), page), call.nonce(),
                               problem == nullptr ? 200 : status_of(problem->code),
                               form_origins(call, return_to));
  if (problem != nullptr) answer.note(problem->key);
  return answer;
}

/// What the person can mend, by another certificate or a new text.
bool is_for_the_page(const base::Error& problem) {
  return problem.code != base::Code::internal && problem.code != base::Code::unavailable;
}

/// The certificate of this form: of the handshake, or that signed the text.
base::Result<auth::ShownCertificate> certificate_in(Call& call, const Shown& shown,
                                                    auth::Certificates& certificates) {
  if (call.request.content_type() != "multipart/form-data") {
    const auto& der = call.request.client_certificate;
    if (der.empty())
      return base::error(base::Code::unauthenticated, "auth.certificate.not_shown");
    auto leaf = certs::Certificate::from_der(base::as_bytes(der));
    if (!leaf.ok())
      return base::error(base::Code::unauthenticated, "auth.certificate.refused",
                         leaf.error().detail);
    return auth::ShownCertificate{std::move(*leaf), {}, "tls"};
  }
  const auto type = call.request.header("content-type");
  BASE_TRY(const auto challenge, multipart_file(type, call.request.body, "challenge"));
  auto sent = multipart_file(type, call.request.body, "file");
  if (!sent.ok()) sent = multipart_file(type, call.request.body, "answer");
  if (!sent.ok()) {
    if (sent.error().key != "web.file.missing") return sent.error();
    return base::error(base::Code::invalid_argument, "auth.certificate.no_answer");
  }
  return certificates.answer(purpose_of(shown.act), shown.subject, shown.binding, challenge, *sent);
}

/// A certificate that was bound says who its holder is, where that counts (6.2.6d, 5.4.1.5).
base::Result<void> prove_by(Call& call, Upstairs& house, const auth::Binding& bound) {
  if (!call.services.config.proofing.certificates) return {};
  const auto proven = house.proofings->take_certificate(
      call.session->subject, {bound.body, bound.fingerprint, bound.name, bound.number,
                              bound.certificate.not_after});
  // Another spelling of the name binds and proves nothing: the trail has it.
  if (!proven.ok() && proven.error().code != base::Code::conflict) return proven.error();
  return {};
}

base::Result<Response> take(Call& call, Upstairs& house, const Shown& shown,
                            const auth::ShownCertificate& certificate,
                            const std::string& return_to) {
  if (shown.act == Act::bind) {
    BASE_TRY(const auto bound, house.certificates->bind(*shown.subject, certificate));
    BASE_TRY_VOID(prove_by(call, house, bound));
    return factor_added(call, auth::FactorKind::certificate, return_to);
  }
  BASE_TRY(const auto who, house.certificates->log_in(certificate, shown.subject));
  if (shown.act == Act::second)
    return after_second_step(call, *shown.at, auth::Method::certificate, return_to);
  return after_first_step(call, who.subject, auth::Method::certificate, return_to);
}

std::string return_to_in(Call& call) {
  if (call.request.method != Method::post)
    return own_return_path(only(call.request.query, "return_to").value_or("/"));
  if (call.request.content_type() == "multipart/form-data") {
    const auto sent =
        multipart_file(call.request.header("content-type"), call.request.body, "return_to");
    return own_return_path(sent.ok() ? *sent : "/");
  }
  const auto form = call.request.form();
  return own_return_path(form.ok() ? form_text(*form, "return_to") : "/");
}

base::Result<Response> page(Call& call, Act act) {
  const auto return_to = return_to_in(call);
  BASE_TRY(const auto shown, shown_for(call, act));
  if (!shown) return Response::redirect("/login?return_to=" + percent_encode(return_to));
  return show(call, *shown, return_to, nullptr);
}

base::Result<Response> submit(Call& call, Act act) {
  const auto return_to = return_to_in(call);
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto shown, shown_for(call, act));
  if (!shown) return Response::redirect("/login?return_to=" + percent_encode(return_to), 303);
  const auto certificate = certificate_in(call, *shown, *house->certificates);
  if (!certificate.ok()) {
    if (!is_for_the_page(certificate.error())) return certificate.error();
    return show(call, *shown, return_to, &certificate.error());
  }
  auto taken = take(call, *house, *shown, *certificate, return_to);
  if (taken.ok() || !is_for_the_page(taken.error())) return taken;
  return show(call, *shown, return_to, &taken.error());
}

}  // namespace

namespace handlers {

base::Result<Response> certificate_page(Call& call) {
  return page(call, Act::login);
}

base::Result<Response> certificate_submit(Call& call) {
  return submit(call, Act::login);
}

base::Result<Response> second_certificate_page(Call& call) {
  return page(call, Act::second);
}

base::Result<Response> second_certificate_submit(Call& call) {
  return submit(call, Act::second);
}

base::Result<Response> security_certificate_page(Call& call) {
  BASE_TRY(auto asked, ask_fresh_login(call, path_of(Act::bind)));
  if (asked) return std::move(*asked);
  return page(call, Act::bind);
}

base::Result<Response> security_certificate_submit(Call& call) {
  BASE_TRY(auto asked, ask_fresh_login(call, path_of(Act::bind)));
  if (asked) return std::move(*asked);
  return submit(call, Act::bind);
}

/// The text as a file, for the browser that was asked to have it signed.
base::Result<Response> certificate_text(Call& call) {
  const auto what = only(call.request.query, "for").value_or("login");
  const auto act = what == "bind" ? Act::bind : what == "second" ? Act::second : Act::login;
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto shown, shown_for(call, act));
  if (!shown) return base::error(base::Code::expired, "auth.certificate.expired");
  BASE_TRY(const auto text,
           house->certificates->text_of(purpose_of(act), shown->binding,
                                        only(call.request.query, "challenge").value_or("")));
  return Response::file(base::to_bytes(base::as_bytes(text)), "text/plain; charset=utf-8",
                        "challenge.txt");
}

}  // namespace handlers
}  // namespace api
