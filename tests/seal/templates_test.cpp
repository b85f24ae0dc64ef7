// Documents as data: what templates, schemas and facts may be, and what documents say.
#include "seal/templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/random.h"
#include "test_paths.h"
#include "tests/seal/support.h"
#include "tests/support/seeded_random.h"

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

const std::filesystem::path kFolder = std::filesystem::path(XINYIN_SOURCE_DIR) / "seal/templates";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  EXPECT_TRUE(in.good()) << path;
  return out.str();
}

std::string argument(const base::Error& error, std::string_view name) {
  for (const auto& [key, value] : error.args)
    if (key == name) return value;
  return {};
}

class TemplatesTest : public ::testing::Test {
 protected:
  static std::string sample_facts(const std::string& kind) {
    return test::templates().find(kind)->sample_json;
  }
  base::Result<seal::Draft> draft(const std::string& kind, const std::string& facts) {
    const auto* one = test::templates().find(kind);
    const bool unit = one != nullptr && !one->for_persons;
    return test::templates().draft(
        kind,
        {test::kPerson, unit, unit ? "江州市星河信息技术有限责任公司" : "张小三",
         unit ? "91430000MA0000001X" : "11010519491231002X"},
        facts, random_);
  }
  std::string composed(const seal::Draft& draft, const std::string& name) {
    const auto document = test::compose(draft);
    EXPECT_TRUE(document.ok()) << draft.kind << ' ' << document.error().key << ' '
                               << document.error().detail;
    return document.ok() ? directory_.write(name, document->file).string() : std::string();
  }
  test::SeededRandom random_{1};
  test::TempDirectory directory_;
};

// LD/T 01-2020 5.4.2.2 and 5.4.2.3 by name, in the two classes of 5.4.2.1.
TEST_F(TemplatesTest, Ldt01_5_4_2_EveryDocumentIsThereInItsClass) {
  const std::pair<const char*, bool> wanted[] = {
      {"acceptance-notice", false},         {"refusal-notice", false},
      {"supplement-notice", false},         {"result-notice", false},
      {"contribution-certificate", false},  {"enrolment-certificate", true},
      {"unit-enrolment-certificate", true}, {"rights-record", true},
      {"unit-rights-record", true},         {"benefit-statement", true}};
  for (const auto& [kind, right] : wanted) {
    const auto* one = test::templates().find(kind);
    ASSERT_NE(one, nullptr) << kind;
    EXPECT_EQ(one->proof_of_right, right) << kind;
  }
  EXPECT_EQ(test::templates().newest().size(), std::size(wanted));
}

// A published version stays as it is for ever: documents say which version made them.
TEST_F(TemplatesTest, PublishedVersionsNeverChange) {
  const auto manifest = base::parse_json(read_file(kFolder / "manifest.json"));
  ASSERT_TRUE(manifest.ok());
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder)) {
    if (!entry.is_regular_file() || entry.path().parent_path() == kFolder) continue;
    const auto name = std::filesystem::relative(entry.path(), kFolder).string();
    ++files;
    EXPECT_EQ(base::json_text(*manifest, name.c_str()),
              base::to_hex(base::sha256(base::as_bytes(read_file(entry.path())))))
        << name << " is published: make a new version, do not change it";
  }
  EXPECT_EQ(files, manifest->MemberCount()) << "a published version is gone";
  EXPECT_EQ(files, 3 * test::templates().all().size());
}

// What is printed of a fact, as pdftotext reads it; words and forms are the template's.
void collect(const rapidjson::Value& value, std::vector<std::string>& out) {
  if (value.IsObject())
    for (const auto& member : value.GetObject()) {
      const std::string_view name(member.name.GetString());
      // Machine-readable alone: each contribution, salts, and what words stand for.
      if (name != "contributions" && name != "salt") collect(member.value, out);
    }
  else if (value.IsArray())
    for (const auto& one : value.GetArray()) collect(one, out);
  else if (value.IsString())
    out.emplace_back(value.GetString(), value.GetStringLength());
  else if (value.IsInt64())
    out.push_back(std::to_string(value.GetInt64()));
}

bool is_word(const std::string& text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == text.npos;
}

std::string squeezed(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\f'; });
  const std::string wide = "　";
  for (auto at = text.find(wide); at != std::string::npos; at = text.find(wide))
    text.erase(at, wide.size());
  return text;
}

TEST_F(TemplatesTest, EveryKindPrintsEachOfItsFacts) {
  for (const auto* one : test::templates().newest()) {
    const auto made = draft(one->kind, one->sample_json);
    ASSERT_TRUE(made.ok()) << one->kind << ' ' << made.error().detail;
    const auto file = composed(*made, one->kind + ".pdf");
    const auto text = squeezed(test::run("pdftotext -raw " + file + " -", "poppler-utils").output);
    std::vector<std::string> facts;
    collect(*base::parse_json(one->sample_json), facts);
    for (auto fact : facts) {
      if (is_word(fact)) continue;
      if (fact.size() == 7 && fact[4] == '-')  // a month
        fact = fact.substr(0, 4) + "年" + fact.substr(5) + "月";
      else if (fact.size() == 10 && fact[4] == '-')
        fact = base::to_chinese_date(
            std::chrono::floor<std::chrono::days>(*base::parse_rfc3339(fact + "T00:00:00Z")));
      else if (fact.size() == 20 && fact.back() == 'Z')
        fact = base::to_china_time(*base::parse_rfc3339(fact));
      EXPECT_THAT(text, HasSubstr(squeezed(fact))) << one->kind;
    }
    for (const auto& [name, value] : made->fields)
      EXPECT_THAT(text, HasSubstr(squeezed(value))) << one->kind << ' ' << name;
    for (const auto& row : made->rows)
      for (const auto& cell : row) EXPECT_THAT(text, HasSubstr(squeezed(cell))) << one->kind;
  }
}

TEST_F(TemplatesTest, EveryKindIsCleanAndReadByOthers) {
  for (const auto* one : test::templates().newest()) {
    const auto made = draft(one->kind, one->sample_json);
    ASSERT_TRUE(made.ok()) << one->kind;
    const auto file = composed(*made, one->kind + ".pdf");
    const auto checked = test::run("qpdf --check " + file, "qpdf");
    EXPECT_EQ(checked.status, 0) << one->kind << checked.output;
    EXPECT_THAT(checked.output, Not(HasSubstr("WARNING"))) << one->kind;
    const auto fonts = test::run("pdffonts " + file + " | tail -n +3", "poppler-utils");
    std::istringstream lines(fonts.output);
    for (std::string line; std::getline(lines, line);)
      EXPECT_THAT(line, HasSubstr("yes yes yes")) << one->kind;
    const auto read = test::run("cd " + directory_.path().string() +
                                    " && rm -f page*.png && pdftoppm -r 150 -png " + file +
                                    " page && zbarimg -q --raw page*.png",
                                "zbar-tools poppler-utils");
    EXPECT_THAT(read.output, HasSubstr("http://127.0.0.1:8080/v/7K3M9QZT2W4XABCDEFGH\n"))
        << one->kind;
  }
}

TEST_F(TemplatesTest, TheRecordSaysKindVersionAndHolder) {
  const auto made = draft("acceptance-notice", sample_facts("acceptance-notice"));
  ASSERT_TRUE(made.ok());
  const auto record = base::parse_json(made->facts_json);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(base::json_text(*record, "type"), "acceptance-notice");
  EXPECT_EQ(base::json_int(*record, "version"), 1);
  EXPECT_EQ(base::json_text(*record, "name"), "张小三");
  EXPECT_EQ(base::json_text(*record, "id_number"), "11010519491231002X");
  EXPECT_EQ(made->version, 1);
}

TEST_F(TemplatesTest, ThePublicSeesMasks) {
  const auto made = draft("benefit-statement", sample_facts("benefit-statement"));
  ASSERT_TRUE(made.ok());
  ASSERT_GE(made->masked_facts.size(), 2u);
  EXPECT_EQ(made->masked_facts[0].value, "张*三");
  EXPECT_EQ(made->masked_facts[1].value, "110105********002X");
  for (const auto& fact : made->masked_facts)
    EXPECT_THAT(fact.value, Not(HasSubstr("11010519491231002X")));
}

struct Wrong {
  const char* kind;
  const char* find;  ///< in the sample's facts…
  const char* put;   ///< …replaced by this
  const char* pointer;
  const char* rule;
};

// python3-jsonschema, by other people and for the draft that we name, refuses the same.
TEST_F(TemplatesTest, FactsThatDoNotFitAreRefusedWithTheirPlace) {
  const Wrong table[] = {
      {"acceptance-notice", R"("fee": "不收费")", R"("fee": 0)", "/fee", "type"},
      {"acceptance-notice", R"("fee": "不收费",)", "", "/", "required"},
      {"acceptance-notice", R"("fee": "不收费")", R"("fee": "")", "/fee", "minLength"},
      {"acceptance-notice", R"("fee": "不收费")", R"("fee": "不收费", "note": "x")", "/note",
       "additionalProperties"},
      {"acceptance-notice", R"("channel": "web")", R"("channel": "fax")", "/channel", "enum"},
      {"acceptance-notice", R"("due": "2026-12-15")", R"("due": "2026-13-15")", "/due", "pattern"},
      {"acceptance-notice", R"("copies": 1)", R"("copies": -1)", "/materials/0/copies", "minimum"},
      {"acceptance-notice", R"("copies": 1)", R"("copies": 1.5)", "/materials/0/copies", "type"},
      {"benefit-statement", R"("tail": "0000")", R"("tail": "62220000")", "/bank/tail",
       "maxLength"},
      {"benefit-statement", R"("due": "36000.00")", R"("due": "36000")", "/totals/due", "pattern"},
      {"rights-record", R"("year": 2025)", R"("year": 25)", "/year", "minimum"},
  };
  for (const auto& wrong : table) {
    auto facts = sample_facts(wrong.kind);
    const auto at = facts.find(wrong.find);
    ASSERT_NE(at, std::string::npos) << wrong.find;
    facts.replace(at, std::string_view(wrong.find).size(), wrong.put);
    const auto made = draft(wrong.kind, facts);
    ASSERT_FALSE(made.ok()) << wrong.put;
    EXPECT_EQ(made.error().key, "seal.facts") << wrong.put << made.error().detail;
    EXPECT_EQ(argument(made.error(), "pointer"), wrong.pointer) << wrong.put;
    EXPECT_EQ(argument(made.error(), "rule"), wrong.rule) << wrong.put;
    const auto given = directory_.write("facts.json", base::as_bytes(facts)).string();
    const auto schema = (kFolder / wrong.kind / "1" / "schema.json").string();
    const auto other = test::run(
        "/usr/bin/python3 -c \"\nimport json,sys,jsonschema\n"
        "v=jsonschema.Draft202012Validator(json.load(open('" +
            schema +
            "')))\nv.check_schema(v.schema)\nprint([e.validator for e in "
            "v.iter_errors(json.load(open('" +
            given + "')))])\"",
        "python3-jsonschema");
    EXPECT_THAT(other.output, HasSubstr(std::string("'") + wrong.rule + "'")) << wrong.put;
  }
  EXPECT_EQ(draft("acceptance-notice", "[]").error().key, "seal.facts");
  EXPECT_EQ(draft("acceptance-notice", "{").error().key, "json.malformed");
  EXPECT_EQ(draft("no-such-kind", "{}").error().key, "seal.kind");
}

// What a day is the schema cannot say; the calendar can.
// The library's patterns are not: two documents at once once took the service down.
TEST_F(TemplatesTest, FactsAreJudgedByManyAtOnce) {
  const auto facts = test::templates().find("acceptance-notice")->sample_json;
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      base::SystemRandom random;
      for (int i = 0; i < 500; ++i)
        good += test::templates()
                    .draft("acceptance-notice", {"s", false, "张小三", "11010519491231002X"}, facts,
                           random)
                    .ok();
    });
  for (auto& one : threads) one.join();
  EXPECT_EQ(good, 2000);
}

TEST_F(TemplatesTest, ADayThatIsNoneIsRefused) {
  auto facts = sample_facts("acceptance-notice");
  facts.replace(facts.find("2026-12-15"), 10, "2026-02-30");
  const auto made = draft("acceptance-notice", facts);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(argument(made.error(), "pointer"), "due");
}

// Nobody can state a name other than the subject's own.
TEST_F(TemplatesTest, FactsCannotNameAnotherHolder) {
  auto facts = sample_facts("acceptance-notice");
  facts.insert(1, R"("name": "李四", )");
  EXPECT_EQ(draft("acceptance-notice", facts).error().key, "seal.facts");
}

TEST_F(TemplatesTest, KindsAreForPersonsOrForUnits) {
  const auto& all = test::templates();
  EXPECT_EQ(all.draft("rights-record", {"u", true, "某公司", "91430000MA0000001X"},
                      sample_facts("rights-record"), random_)
                .error()
                .key,
            "seal.holder");
}

TEST_F(TemplatesTest, ANameWithoutGlyphMakesNoDocumentOfAnyKind) {
  for (const auto* one : test::templates().newest()) {
    auto made = test::templates().draft(
        one->kind, {test::kPerson, !one->for_persons, "张\uE000", "11010519491231002X"},
        one->sample_json, random_);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(test::compose(*made).error().key, "seal.glyph") << one->kind;
  }
}

// hashlib computes the root from what the record holds, as whoever is shown a row would.
TEST_F(TemplatesTest, ARowOfARosterProvesItself) {
  const auto made = draft("unit-enrolment-certificate", sample_facts("unit-enrolment-certificate"));
  ASSERT_TRUE(made.ok());
  const auto file = directory_.write("facts.json", base::as_bytes(made->facts_json)).string();
  const auto ran = test::run(
      "/usr/bin/python3 -c \"\nimport json,hashlib\nf=json.load(open('" + file +
          "'))\n"
          "leaf=lambda r: hashlib.sha256(b'\\0'+json.dumps(r,sort_keys=True,ensure_ascii=False,"
          "separators=(',',':')).encode()).digest()\n"
          "def root(x):\n"
          "  if len(x)==1: return x[0]\n"
          "  k=1\n"
          "  while 2*k<len(x): k*=2\n"
          "  return hashlib.sha256(b'\\1'+root(x[:k])+root(x[k:])).digest()\n"
          "assert len({r['salt'] for r in f['roster']})==3\n"
          "print(root([leaf(r) for r in f['roster']]).hex()==f['rows_digest'])\"",
      "python3");
  EXPECT_THAT(ran.output, HasSubstr("True"));
  const auto record = base::parse_json(made->facts_json);
  EXPECT_EQ(made->masked_facts.back().label, "fact.rows_digest");
  EXPECT_EQ(made->masked_facts.back().value, base::json_text(*record, "rows_digest"));
}

TEST_F(TemplatesTest, SamplesAreMarkedOnEveryPage) {
  auto made = test::templates().sample("unit-enrolment-certificate", random_);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->registered_kind(), "sample-unit-enrolment-certificate");
  made->rows.resize(100, made->rows[0]);
  const auto file = composed(*made, "sample.pdf");
  for (const auto* page : {"1", "2", "3"}) {
    const auto text =
        test::run("pdftotext -raw -f " + std::string(page) + " -l " + page + " " + file + " -",
                  "poppler-utils");
    EXPECT_THAT(squeezed(text.output), HasSubstr("SAMPLE·仅供参考，不具效力")) << page;
  }
  EXPECT_THAT(test::run("pdfinfo -custom " + file, "poppler-utils").output,
              HasSubstr("XinyinSample"));
}

// LD/T 01-2020 5.4.2: many pages in bounded time and memory, each with header, code and number.
TEST_F(TemplatesTest, ARosterOfFiveThousandBreaksOverItsPages) {
  const auto draft = test::unit_draft(5'000);
  const auto began = std::chrono::steady_clock::now();
  const auto file = composed(draft, "roster.pdf");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(8));
  EXPECT_LT(std::filesystem::file_size(file), 8u << 20);
  const auto info = test::run("pdfinfo " + file, "poppler-utils").output;
  const auto pages = std::stoi(info.substr(info.find("Pages:") + 6));
  EXPECT_GT(pages, 100);
  EXPECT_EQ(test::run("qpdf --check " + file, "qpdf").status, 0);
  const auto text = test::run("pdftotext -layout " + file + " -", "poppler-utils").output;
  std::size_t headers = 0, at = 0;
  for (; (at = text.find("本单位参保起始", at)) != std::string::npos; ++at) ++headers;
  EXPECT_GE(headers, static_cast<std::size_t>(pages) - 1) << "a page without the table's header";
  for (const int number : {1, 2'500, 5'000})
    EXPECT_THAT(text, HasSubstr("员工" + std::to_string(number) + " "));
  EXPECT_THAT(text, HasSubstr("第 " + std::to_string(pages) + " 页，共 " + std::to_string(pages)));
}

// poppler walks the structure tree as a reader for the blind would.
TEST_F(TemplatesTest, TheStructureIsReadInOrder) {
  const auto file = composed(test::person_draft(40), "tagged.pdf");
  const auto tree = test::run("pdfinfo -struct-text " + file, "poppler-utils").output;
  EXPECT_THAT(tree, HasSubstr("Document"));
  EXPECT_THAT(tree, HasSubstr("Form"));
  EXPECT_THAT(tree, HasSubstr("Figure"));
  std::size_t at = 0;
  for (const auto* part :
       {"H1", "社会保险参保证明", "Table", "TR", "TH", "姓名", "TD", "张小三", "缴费记录", "年月",
        "2024年12月", "2028年03月", "查验方法", "2026年11月24日"}) {
    const auto found = tree.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << " in its order\n" << tree.substr(0, 3000);
    at = found;
  }
  EXPECT_THAT(test::run("pdfinfo " + file, "poppler-utils").output,
              HasSubstr("Tagged:          yes"));
  const auto catalog = test::run("qpdf --show-object=1 " + file, "qpdf").output;
  EXPECT_THAT(catalog, HasSubstr("zh-CN"));
  EXPECT_THAT(catalog, HasSubstr("/Marked true"));
}

struct BadTemplate {
  const char* file;
  const char* find;
  const char* put;
  const char* says;
};

TEST_F(TemplatesTest, ABadTemplateSaysWhereItIsWrong) {
  const BadTemplate table[] = {
      {"template.json", R"("version": 1)", R"("version": 0)", "/version: minimum"},
      {"template.json", R"("class": "handling")", R"("klass": "handling")", "/"},
      {"template.json", "{due|day}", "{due|weekday}", "no such filter"},
      {"template.json", "{channel|words:channel}", "{channel|words:channels}",
       "no such list of words"},
      {"template.json", "{handler/name}", "{handler/name", "names no path"},
      {"template.json", R"("label": "fact.due")", R"("label": "fact.nowhere")",
       "fact.nowhere is not in base/messages"},
      {"schema.json", R"("maxLength": 60)", R"("maxlength": 60)", "keyword not in the subset"},
      {"schema.json", R"("additionalProperties": false)", R"("additionalProperties": true)",
       "closes itself"},
      {"schema.json", "^[0-9]{4}-(0[1-9]|1[0-2])-", "[0-9]{4}-", "not anchored"},
      {"sample.json", R"("fee": "不收费")", R"("fee": 1)", "/fee"},
  };
  for (const auto& bad : table) {
    std::vector<std::pair<std::string, std::string>> held;
    held.emplace_back("template.schema.json", read_file(kFolder / "template.schema.json"));
    for (const auto* name : {"template.json", "schema.json", "sample.json"})
      held.emplace_back(std::string("acceptance-notice/1/") + name,
                        read_file(kFolder / "acceptance-notice/1" / name));
    for (auto& [name, text] : held) {
      if (!name.ends_with(std::string("/") + bad.file)) continue;
      const auto at = text.find(bad.find);
      ASSERT_NE(at, std::string::npos) << bad.find;
      text.replace(at, std::string_view(bad.find).size(), bad.put);
    }
    std::vector<seal::Templates::File> files;
    for (const auto& [name, text] : held) files.push_back({name, text});
    const auto loaded = seal::Templates::load(files);
    ASSERT_FALSE(loaded.ok()) << bad.put;
    EXPECT_EQ(loaded.error().key, "seal.template");
    EXPECT_THAT(argument(loaded.error(), "why"), HasSubstr(bad.says)) << bad.put;
    EXPECT_THAT(argument(loaded.error(), "why"), HasSubstr("acceptance-notice/1/")) << bad.put;
  }
}

}  // namespace
