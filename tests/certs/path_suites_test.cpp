// Public path-validation suites through the door that certs::validate rests on
// (certs/path_judge.h). tests/vectors/path/README.md says where the cases come from.
//
// No case may be accepted that the suite rejects. What we refuse though the suite accepts it stands
// by name in tolerated.json, and leaves it when it passes. docs/path_validation.md has the numbers,
// and is compared with them here.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/path_judge.h"
#include "certs/revocation.h"
#include "test_paths.h"

namespace {

using rapidjson::Value;

const std::string kFolder = XINYIN_SOURCE_DIR "/tests/vectors/path/";

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string read_packed(const std::string& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  char buffer[1 << 16];
  for (int size = 0; (size = gzread(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  gzclose(file);
  return text;
}

rapidjson::Document parse(const std::string& text) {
  auto document = base::parse_json(text, {.bytes = 64 << 20, .depth = 8});
  EXPECT_TRUE(document) << (document ? "" : document.error().detail);
  return std::move(*document);
}

struct Count {
  int cases = 0, right = 0, false_accepts = 0, tolerated = 0, soft = 0;
};

class Suite {
 public:
  explicit Suite(const std::string& name) : document_(parse(read_packed(file_of(name)))) {
    for (const auto& text : document_["objects"].GetArray())
      objects_.push_back(base::from_base64(text.GetString()).value());
    static const auto tolerated = parse(read_text(kFolder + "tolerated.json"));
    if (tolerated.HasMember(name.c_str()))
      for (const auto& one : tolerated[name.c_str()].GetObject())
        tolerated_.insert(one.name.GetString());
  }

  Count run() {
    for (const auto& one : document_["cases"].GetArray()) {
      ++count_.cases;
      judge(one);
    }
    for (const auto& id : tolerated_) ADD_FAILURE() << "tolerated, but there is no case " << id;
    return count_;
  }

 private:
  /// PATH_SUITE_<name>=FILE puts a whole suite in place of the part that is kept here.
  static std::string file_of(const std::string& name) {
    const char* other = std::getenv(("PATH_SUITE_" + name).c_str());
    return other != nullptr ? other : kFolder + name + ".json.gz";
  }

  void judge(const Value& one) {
    const std::string id(base::json_text(one, "id"));
    const auto status = validate(one);
    const bool accepted = status && status->answer == certs::ChainAnswer::trusted;
    const bool valid = one["valid"].GetBool();
    const std::string said = status ? status->reason : "a certificate that is not read";
    if (tolerated_.erase(id) > 0) {
      ++count_.tolerated;
      EXPECT_TRUE(valid && !accepted) << id << " is right now: take it off the list";
    } else if (accepted == valid) {
      ++count_.right;
    } else if (one.HasMember("soft")) {
      ++count_.soft;
    } else {
      ADD_FAILURE() << (accepted ? "accepted, wrongly: " : "refused, wrongly: ") << id << ": "
                    << said << " (" << base::json_text(one, "why") << ")";
      if (accepted) ++count_.false_accepts;
    }
  }

  std::optional<certs::Certificate> certificate(const Value& index) const {
    auto read = certs::Certificate::from_der(objects_.at(index.GetUint()));
    return read ? std::optional(*read) : std::nullopt;
  }

  /// What is not read is not there, as where certificates come along in a document.
  std::vector<certs::Certificate> certificates(const Value& one, const char* name) const {
    std::vector<certs::Certificate> out;
    if (one.HasMember(name))
      for (const auto& index : one[name].GetArray())
        if (auto read = certificate(index)) out.push_back(std::move(*read));
    return out;
  }

  static certs::PathRules rules_of(const Value& one) {
    certs::PathRules rules;
    if (one.HasMember("usage")) rules.one_of_extended_usages = {one["usage"].GetString()};
    rules.extended_usage_needed = false;
    rules.revocation = one.HasMember("revocation");
    rules.constraints_critical = !one.HasMember("before_rfc5280");
    rules.policies.required = one.HasMember("explicit_policy");
    rules.policies.no_mapping = one.HasMember("no_mapping");
    rules.policies.no_any = one.HasMember("no_any");
    if (one.HasMember("policies"))
      for (const auto& policy : one["policies"].GetArray())
        rules.policies.accepted.emplace_back(policy.GetString());
    if (one.HasMember("key_usage")) {
      rules.one_of_key_usage = certs::kDigitalSignature;  // the only one that cases ask for
      rules.key_usage_needed = false;
    }
    if (one.HasMember("between"))
      rules.limits.depth = std::min<std::size_t>(rules.limits.depth, one["between"].GetUint() + 2u);
    if (one.HasMember("names"))
      for (const auto& name : one["names"].GetArray()) {
        const std::string text = name.GetString();
        const auto colon = text.find(':');
        static const std::map<std::string, certs::NameKind> kKinds{
            {"dns", certs::NameKind::dns},
            {"rfc822", certs::NameKind::email},
            {"ip", certs::NameKind::ip}};
        rules.names.push_back({kKinds.at(text.substr(0, colon)), text.substr(colon + 1)});
      }
    return rules;
  }

  std::optional<certs::PathStatus> validate(const Value& one) const {
    const auto leaf = certificate(one["leaf"]);
    if (!leaf) return std::nullopt;
    const auto roots = certificates(one, "roots");
    const auto extra = certificates(one, "extra");
    std::vector<certs::Crl> crls;
    if (one.HasMember("crls"))
      for (const auto& index : one["crls"].GetArray())
        if (auto crl = certs::Crl::from_der(objects_.at(index.GetUint())))
          crls.push_back(std::move(*crl));
    const auto rules = rules_of(one);
    const auto at = base::parse_rfc3339(base::json_text(one, "at")).value();
    auto status = certs::validate_path(*leaf, extra, {roots, {}}, crls, rules, at);
    // Work is counted, not timed: no case can run long.
    EXPECT_LE(status.work.signature_checks, rules.limits.signature_checks);
    EXPECT_LE(status.work.paths, rules.limits.paths);
    EXPECT_LE(status.work.list_checks, certs::RevocationJudge::kMostChecks);
    return status;
  }

  rapidjson::Document document_;
  std::vector<base::Bytes> objects_;
  std::set<std::string> tolerated_;
  Count count_;
};

class PathSuite : public testing::TestWithParam<const char*> {};

/// The row of docs/path_validation.md.
std::string row(const std::string& name, const Count& count) {
  std::string text = "| `" + name + "` |";
  for (const int number :
       {count.cases, count.right, count.false_accepts, count.tolerated, count.soft})
    text += " " + std::to_string(number) + " |";
  return text;
}

TEST_P(PathSuite, NoFalseAcceptAndNoRefusalThatIsNotNamed) {
  const auto count = Suite(GetParam()).run();
  EXPECT_EQ(count.false_accepts, 0);
  const auto wanted = row(GetParam(), count);
  EXPECT_NE(read_text(XINYIN_SOURCE_DIR "/docs/path_validation.md").find(wanted), std::string::npos)
      << "docs/path_validation.md has to say: " << wanted;
}

INSTANTIATE_TEST_SUITE_P(Public, PathSuite,
                         testing::Values("limbo", "pkits", "bettertls_building", "bettertls_names"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
