#include "verify/ofd/seals.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/encoding.h"
#include "verify/ses_judge.h"

namespace verify::ofd {
namespace {

void note(SealReport& report, std::string key) {
  if (std::find(report.reasons.begin(), report.reasons.end(), key) == report.reasons.end())
    report.reasons.push_back(std::move(key));
}

enum class Hash : std::uint8_t { sm3, sha256 };

/// What Signature.xml says, resolved.
struct Claim {
  Hash hash = Hash::sm3;
  std::map<std::string, base::Bytes, std::less<>> references;  ///< path -> digest
  std::string method;                                          ///< as written
  const base::Bytes* value = nullptr;
  const base::Bytes* seal = nullptr;
};

/// The forms that are written; the last of SM3's is the identifier of HMAC, taken for it by some.
std::optional<Hash> hash_of(std::string_view method) {
  if (method == "1.2.156.10197.1.401" || method == "SM3" || method == "sm3" ||
      method == "1.2.156.10197.1.401.2")
    return Hash::sm3;
  if (method == "2.16.840.1.101.3.4.2.1" || method == "SHA-256" || method == "SHA256")
    return Hash::sha256;
  return std::nullopt;
}

std::size_t count(const Element& parent, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(parent.children.begin(), parent.children.end(),
                    [&](const Element& one) { return one.name == name; }));
}

/// Millimetres: four numbers, the last two above nought.
bool good_boundary(std::string_view text) {
  double values[4];
  for (double& value : values) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || !(value > -10'000 && value < 10'000)) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return text.find_first_not_of(' ') == std::string_view::npos && values[2] > 0 && values[3] > 0;
}

/// Reads one Signature.xml. Returns the message key of what is wrong, or nothing.
const char* read_references(const Package& package, const SignatureEntry& entry,
                            const Element& references, Claim& out) {
  const auto hash = hash_of(references.attribute("CheckMethod"));
  if (!hash) return "verify.ofd.check_method";
  out.hash = *hash;
  for (const Element& one : references.children) {
    if (one.name != "Reference") return "verify.ofd.signature_file";
    auto path = package.locate(entry.path, one.attribute("FileRef"));
    auto digest = base::from_base64(one.child_text("CheckValue"));
    if (!path || !digest || digest->size() != 32 || count(one, "CheckValue") != 1 ||
        !out.references.emplace(std::move(*path), std::move(*digest)).second)
      return "verify.ofd.signature_file";
  }
  return out.references.empty() ? "verify.ofd.signature_file" : nullptr;
}

const char* read_claim(const Package& package, const SignatureEntry& entry, Claim& out) {
  const Element& root = entry.content;
  const auto* info = root.child("SignedInfo");
  if (info == nullptr || count(root, "SignedInfo") != 1 || count(root, "SignedValue") != 1 ||
      count(*info, "References") != 1 || count(*info, "SignatureMethod") != 1 ||
      count(*info, "Seal") > 1)
    return "verify.ofd.signature_file";
  out.method = info->child_text("SignatureMethod");
  const auto value = package.locate(entry.path, root.child_text("SignedValue"));
  out.value = value ? package.zip().find(*value) : nullptr;
  if (out.value == nullptr) return "verify.ofd.no_value";
  if (const auto* seal = info->child("Seal")) {
    const auto at = package.locate(entry.path, seal->child_text("BaseLoc"));
    if (count(*seal, "BaseLoc") != 1 || !at) return "verify.ofd.signature_file";
    out.seal = package.zip().find(*at);
    if (out.seal == nullptr) return "verify.ofd.no_seal_file";
  }
  for (const Element& stamp : info->children) {
    if (stamp.name != "StampAnnot") continue;
    const auto& pages = package.pages();
    if (std::find(pages.begin(), pages.end(), stamp.attribute("PageRef")) == pages.end() ||
        !good_boundary(stamp.attribute("Boundary")) ||
        (!stamp.attribute("Clip").empty() && !good_boundary(stamp.attribute("Clip"))))
      return "verify.ofd.stamp";
  }
  return read_references(package, entry, *info->child("References"), out);
}

/// Files that belong to the seals, and the lists of seals: bound otherwise.
bool of_seals(Part part) {
  return part == Part::signatures || part == Part::signature || part == Part::signed_value ||
         part == Part::seal;
}

const char* changed_key(const Package& package, std::string_view path) {
  const auto at = package.reached().find(path);
  if (at == package.reached().end()) return "verify.ofd.changed_file";
  switch (at->second) {
    case Part::page:
    case Part::template_page:
      return "verify.ofd.changed_page";
    case Part::attachment:
      return "verify.ofd.changed_attachment";
    case Part::annotations:
    case Part::page_annotations:
      return "verify.ofd.changed_annotation";
    case Part::signatures:
      return "verify.ofd.changed_seal_list";
    default:
      return "verify.ofd.changed_file";
  }
}

const char* added_key(const Package& package, std::string_view path) {
  const auto at = package.reached().find(path);
  if (at == package.reached().end()) return "verify.ofd.stray_file";
  switch (at->second) {
    case Part::page:
    case Part::template_page:
      return "verify.ofd.added_page";
    case Part::attachment:
      return "verify.ofd.added_attachment";
    case Part::annotations:
    case Part::page_annotations:
      return "verify.ofd.added_annotation";
    default:
      return "verify.ofd.added_file";
  }
}

class Judgement {
 public:
  Judgement(const Package& package, const certs::TrustList& trust, base::Time at)
      : package_(package), trust_(trust), at_(at) {}
  std::vector<SealReport> run();

 private:
  SealReport judge(const SignatureEntry& entry, const Claim& claim) const;
  void compare_files(const Claim& claim, SealReport& report);
  void demand_cover(const Claim& claim, SealReport& report) const;
  const base::Digest& digest(const std::string& path, Hash hash);

  const Package& package_;
  const certs::TrustList& trust_;
  const base::Time at_;
  /// Each file is hashed once, however many seals there are.
  std::map<std::pair<std::string, Hash>, base::Digest> digests_;
};

const base::Digest& Judgement::digest(const std::string& path, Hash hash) {
  const auto [at, fresh] = digests_.try_emplace({path, hash});
  if (fresh) {
    const auto& bytes = *package_.zip().find(path);
    at->second = hash == Hash::sm3 ? base::sm3(bytes) : base::sha256(bytes);
  }
  return at->second;
}

SealReport Judgement::judge(const SignatureEntry& entry, const Claim& claim) const {
  SealReport report;
  if (entry.type != "Seal") {
    // A signature by GB/T 35275 without a seal: another matter than the one asked about.
    report.genuine = Answer::no;
    note(report, "verify.ofd.plain_signature");
    return report;
  }
  const auto digest = base::sm3(*package_.zip().find(entry.path));
  const auto name = "/" + entry.path;
  const ses::Original original{
      .digest = digest,
      .property_info = name,
      .algorithm = claim.method,
      .seal = claim.seal ? std::optional(base::BytesView(*claim.seal)) : std::nullopt};
  return ses::judge_signature(*claim.value, original, trust_, at_);
}

void Judgement::compare_files(const Claim& claim, SealReport& report) {
  for (const auto& [path, expected] : claim.references) {
    const bool there = package_.zip().find(path) != nullptr;
    if (there && base::constant_time_equal(digest(path, claim.hash), expected)) continue;
    report.intact = Answer::no;
    note(report, there ? changed_key(package_, path) : "verify.ofd.removed_file");
  }
}

/// Nothing outside: what was left out may have been put there, or exchanged, by anybody.
void Judgement::demand_cover(const Claim& claim, SealReport& report) const {
  report.whole_document = true;
  for (const auto& [path, bytes] : package_.zip().entries()) {
    if (claim.references.contains(path)) continue;
    const auto reached = package_.reached().find(path);
    const bool known = reached != package_.reached().end();
    if (known && of_seals(reached->second)) continue;
    report.whole_document = false;
    if (known && reached->second == Part::root) {
      // Some makers leave it out. Then nobody can tell which document was meant to be shown.
      report.intact = std::min(report.intact, Answer::unsure);
      note(report, "verify.ofd.root_uncovered");
    } else {
      report.intact = Answer::no;
      note(report, added_key(package_, path));
    }
  }
}

std::vector<SealReport> Judgement::run() {
  std::vector<SealReport> out;
  for (const auto& entry : package_.signatures()) {
    Claim claim;
    if (const char* problem = read_claim(package_, entry, claim)) {
      SealReport& report = out.emplace_back();
      report.intact = Answer::no;
      note(report, problem);
      continue;
    }
    SealReport& report = out.emplace_back(judge(entry, claim));
    compare_files(claim, report);
    demand_cover(claim, report);
  }
  return out;
}

}  // namespace

std::vector<SealReport> judge_seals(const Package& package, const certs::TrustList& trust,
                                    base::Time at) {
  return Judgement(package, trust, at).run();
}

bool has_loose_seal(const Package& package) {
  const auto& entries = package.zip().entries();
  return std::any_of(entries.begin(), entries.end(), [](const auto& entry) {
    const auto name = std::string_view(entry.first);
    return name.ends_with("SignedValue.dat") || name.ends_with("Signature.xml") ||
           name.ends_with(".esl");
  });
}

}  // namespace verify::ofd
