#include "api/cli/ca_proposal.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "base/encoding.h"
#include "base/json.h"

namespace cli {
namespace {

constexpr std::size_t kMostFile = (20u << 20) + 1;  // one more than a paper may have: it is told

using Names = std::set<std::string_view>;

base::Error bad(std::string why) {
  auto failure = base::error(base::Code::invalid_argument, "cli.bad_proposal", why);
  failure.args = {{"why", std::move(why)}};
  return failure;
}

/// A member that we do not know is a mistake, perhaps of spelling, in what will be signed for.
base::Result<void> only(const rapidjson::Value& object, const Names& known, const char* where) {
  if (!object.IsObject()) return bad(std::string(where) + ": not an object");
  for (const auto& member : object.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (known.count(name) == 0) return bad(std::string(where) + ": unknown " + std::string(name));
  }
  return {};
}

base::Result<std::string> text(const rapidjson::Value& object, const char* name) {
  const auto value = base::json_text(object, name);
  if (value.empty()) return bad(std::string(name) + ": missing");
  return std::string(value);
}

base::Result<base::Time> time(const rapidjson::Value& object, const char* name) {
  const auto value = base::parse_rfc3339(base::json_text(object, name));
  if (!value) return bad(std::string(name) + ": not a time such as 2026-11-24T03:00:00Z");
  return *value;
}

base::Result<std::vector<std::string>> texts(const rapidjson::Value& object, const char* name) {
  std::vector<std::string> out;
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd()) return out;
  if (!found->value.IsArray()) return bad(std::string(name) + ": not an array");
  for (const auto& item : found->value.GetArray()) {
    if (!item.IsString()) return bad(std::string(name) + ": not text");
    out.emplace_back(item.GetString(), item.GetStringLength());
  }
  return out;
}

/// In the order that the trust list has, each once.
base::Result<std::vector<std::string>> sorted(const rapidjson::Value& object, const char* name) {
  BASE_TRY(auto out, texts(object, name));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

class Reader {
 public:
  Reader(const rapidjson::Value& document, std::filesystem::path directory)
      : document_(document), directory_(std::move(directory)) {}

  base::Result<CaProposal> read() {
    BASE_TRY_VOID(only(document_,
                       {"version", "name", "code", "contact", "until", "licence", "qualification",
                        "liability", "acceptance", "uses", "policies", "permitted", "excluded",
                        "crl_urls", "ocsp_urls", "anchors", "samples", "crls"},
                       "proposal"));
    if (base::json_int(document_, "version") != 1) return bad("not a proposal of version 1");
    auto& body = out_.record.body;
    BASE_TRY(body.name, text(document_, "name"));
    BASE_TRY(body.code, text(document_, "code"));
    BASE_TRY(out_.record.contact, text(document_, "contact"));
    BASE_TRY(body.uses, sorted(document_, "uses"));
    BASE_TRY(body.limits.policies, sorted(document_, "policies"));
    BASE_TRY(body.limits.permitted, sorted(document_, "permitted"));
    BASE_TRY(body.limits.excluded, sorted(document_, "excluded"));
    BASE_TRY(body.crl_urls, sorted(document_, "crl_urls"));
    BASE_TRY(out_.record.ocsp_urls, sorted(document_, "ocsp_urls"));
    BASE_TRY_VOID(papers());
    BASE_TRY_VOID(certificates("anchors", body.anchors));
    BASE_TRY_VOID(certificates("samples", out_.samples));
    BASE_TRY_VOID(crls());
    return std::move(out_);
  }

 private:
  base::Result<std::string> file(const std::string& name) {
    const auto path = directory_ / name;
    const auto failed = [&](const char* why) {
      auto failure = base::error(base::Code::unavailable, "certs.pki_file", path.string());
      failure.args = {{"path", path.string()}, {"why", why}};
      return failure;
    };
    std::ifstream in(path, std::ios::binary);
    if (!in) return failed("cannot be opened");
    std::string content(kMostFile, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (in.bad()) return failed("cannot be read");
    content.resize(static_cast<std::size_t>(in.gcount()));
    return content;
  }

  /// The object `kind`, with its members beside "file"; nothing when it is not there.
  base::Result<const rapidjson::Value*> paper(const char* kind, Names members) {
    const auto found = document_.FindMember(kind);
    if (found == document_.MemberEnd()) return static_cast<const rapidjson::Value*>(nullptr);
    members.insert("file");
    BASE_TRY_VOID(only(found->value, members, kind));
    BASE_TRY(const auto name, text(found->value, "file"));
    BASE_TRY(const auto content, file(name));
    out_.papers.push_back({kind, std::filesystem::path(name).filename().string(),
                           base::to_bytes(base::as_bytes(content))});
    return &found->value;
  }

  base::Result<void> papers() {
    auto& record = out_.record;
    BASE_TRY(const auto* licence, paper("licence", {"number", "issuer", "from", "until"}));
    if (licence == nullptr) return bad("licence: missing");
    BASE_TRY(record.body.licence, text(*licence, "number"));
    BASE_TRY(record.licence_issuer, text(*licence, "issuer"));
    BASE_TRY(record.licence_from, time(*licence, "from"));
    BASE_TRY(record.licence_until, time(*licence, "until"));
    record.body.expiry = record.licence_until;
    BASE_TRY(const auto* qualification, paper("qualification", {"name", "until"}));
    if (qualification != nullptr) {
      BASE_TRY(record.qualification, text(*qualification, "name"));
      BASE_TRY(record.qualification_until, time(*qualification, "until"));
      record.body.expiry = std::min(record.body.expiry, *record.qualification_until);
    }
    if (document_.HasMember("until")) {
      BASE_TRY(const auto until, time(document_, "until"));
      record.body.expiry = std::min(record.body.expiry, until);
    }
    BASE_TRY_VOID(paper("liability", {}));
    BASE_TRY_VOID(paper("acceptance", {}));
    return {};
  }

  base::Result<void> certificates(const char* member, std::vector<certs::Certificate>& into) {
    BASE_TRY(const auto names, texts(document_, member));
    for (const auto& name : names) {
      BASE_TRY(const auto content, file(name));
      auto one = certs::Certificate::from_pem(content);
      if (!one) one = certs::Certificate::from_der(base::as_bytes(content));
      if (!one) return bad(name + ": " + one.error().detail);
      into.push_back(std::move(*one));
    }
    return {};
  }

  base::Result<void> crls() {
    BASE_TRY(const auto names, texts(document_, "crls"));
    for (const auto& name : names) {
      BASE_TRY(const auto content, file(name));
      auto der = base::from_pem("X509 CRL", content);
      out_.crls.push_back(der ? std::move(*der) : base::to_bytes(base::as_bytes(content)));
    }
    return {};
  }

  const rapidjson::Value& document_;
  const std::filesystem::path directory_;
  CaProposal out_;
};

}  // namespace

base::Result<CaProposal> CaProposal::read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string content(256 << 10, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (in.gcount() == 0) return bad(file.string() + ": cannot be read, or is empty");
  content.resize(static_cast<std::size_t>(in.gcount()));
  const auto document = base::parse_json(content, {256 << 10, 4});
  if (!document) return bad("not JSON: " + document.error().key);
  return Reader(*document, file.parent_path()).read();
}

}  // namespace cli
