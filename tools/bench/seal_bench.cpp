// Sealed documents a second on one core against the raw signing rate of the same key in SoftHSM, in
// one run; and where a document's time goes, step by step.
//   cmake --preset release -DXINYIN_BENCH=ON && ninja -C build/release bench_seal
//   build/release/bin/bench_seal
// Times are of the processor, not of the wall: neighbours on a shared machine do not count.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "seal/cms.h"
#include "seal/pdf/document.h"
#include "seal/templates.h"
#include "tests/support/pki.h"
#include "tests/support/token.h"
#include "verify/verifier.h"

namespace {

constexpr int kRounds = 15;  // by turns, so that noise meets every step; the median counts
constexpr int kEach = 60;

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

template <class T>
T must(base::Result<T> result, const char* what) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "bench_seal: %s: %s %s\n", what, result.error().key.c_str(),
               result.error().detail.c_str());
  std::exit(1);
}

using Fields = std::vector<std::pair<std::string, std::string>>;
using Rows = std::vector<std::vector<std::string>>;

// Names differ, so that each document brings characters of its own.
Fields fields(int number) {
  static const char* names[] = {"张𠮷", "欧阳䶮", "古丽·买买提", "翟墨轩", "令狐冲", "尉迟恭瑾"};
  Fields out{{"name", names[number % 6]},
             {"id_number", "11010519491231002X"},
             {"personal_number", "430100001"},
             {"region", "江州市"},
             {"unit", "江州市星河信息技术有限责任公司"},
             {"period", "2025年12月至2026年11月"},
             {"issued_for", "本人自用"},
             {"as_of", "2026-11-24 11:00:00"}};
  int n = 0;
  for (const char* kind : {"职工基本养老保险", "失业保险", "工伤保险"}) {
    const auto stem = "insurance." + std::to_string(++n) + ".";
    out.insert(out.end(), {{stem + "name", kind},
                           {stem + "status", "参保缴费"},
                           {stem + "start", "2019年07月"},
                           {stem + "months", "88"}});
  }
  return out;
}

Rows rows() {
  Rows out;
  for (int month = 1; month <= 12; ++month)
    out.push_back({"2026年" + std::to_string(month) + "月", "江州市星河信息技术有限责任公司",
                   "8500.00", "已到账", "已到账", "已到账"});
  return out;
}

struct Step {
  const char* name;
  std::vector<double> rounds;
  double median() {
    std::sort(rounds.begin(), rounds.end());
    return rounds[rounds.size() / 2];
  }
};

}  // namespace

int main() {
  test::Token token;
  test::Pki pki(token);
  const auto key = pki.key("seal-1");
  const certs::Certificate chain[] = {pki.certificate("issuing-ca")};
  const auto frame =
      must(seal::CmsFrame::create(key->info(), pki.certificate("seal-1"), chain), "frame");
  const std::string fonts = "/usr/share/fonts/opentype/noto/";
  const seal::pdf::Faces faces{
      must(seal::pdf::FontFace::open(fonts + "NotoSansCJK-Regular.ttc"), "font"),
      must(seal::pdf::FontFace::open(fonts + "NotoSerifCJK-Bold.ttc"), "font")};
  const auto all = must(seal::Templates::built_in(), "templates");
  const auto begin = cpu_us();
  const auto form = must(
      seal::pdf::PdfTemplate::create(all->find("enrolment-certificate")->form, faces,
                                     {test::Pki::kAgency,
                                      test::Pki::kAgencyCode,
                                      {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
                                      "http://127.0.0.1:8080/v/"},
                                     frame.most_bytes(4608)),
      "template");
  const double template_us = cpu_us() - begin;
  const verify::Verifier verifier(pki.list());
  const auto all_rows = rows();

  Step compose{"compose", {}}, sign{"sign in the token", {}},
      stamp{"time stamp (signs once more)", {}}, wrap{"CMS, hex", {}}, judge{"judge", {}},
      raw{"", {}};
  std::size_t bytes = 0;
  for (int round = 0; round < kRounds; ++round) {
    double at = cpu_us();
    const auto mark = [&at](Step& step) {
      const double now = cpu_us();
      step.rounds.back() += (now - at) / kEach;
      at = cpu_us();
    };
    for (auto* step : {&compose, &sign, &stamp, &wrap, &judge, &raw}) step->rounds.push_back(0);
    for (int i = 0; i < kEach; ++i) {
      const auto given = fields(i);
      at = cpu_us();
      auto document =
          must(form->compose({.content = {.fields = given,
                                          .rows = all_rows,
                                          .document_id = "20261124-7K3M9QZT2W4X",
                                          .code = "0000-0000-0000-0000-0000",
                                          .date = "2026年11月24日"},
                              .facts_json = "{}",
                              .code_address = "http://127.0.0.1:8080/v/00000000000000000000",
                              .at = pki.clock().now(),
                              .file_id = base::Bytes(16)}),
               "compose");
      mark(compose);
      const auto digest = frame.to_sign(document.digest);
      const auto value = frame.signature_value(must(key->sign(digest), "sign"));
      mark(sign);
      const auto stamped = must(pki.timestamps().stamp(base::sha256(value)), "stamp");
      mark(stamp);
      seal::pdf::embed_signature(document, frame.finish(document.digest, value, stamped));
      mark(wrap);
      const auto verdict = verifier.judge(document.file, pki.clock().now());
      mark(judge);
      if (verdict.outcome != verify::Outcome::genuine) {
        std::fprintf(stderr, "bench_seal: a document is not genuine\n");
        return 1;
      }
      bytes = document.file.size();
    }
    at = cpu_us();
    for (int i = 0; i < kEach; ++i) must(key->sign(base::Digest{}), "sign");
    raw.rounds.back() = (cpu_us() - at) / kEach;
  }

  const double raw_us = raw.median();
  const double sealed_us = compose.median() + sign.median() + wrap.median();
  const double whole_us = sealed_us + stamp.median() + judge.median();
  std::printf(
      "template laid out once: %.1f ms, %zu bytes before each document; a document: %zu bytes\n",
      template_us / 1000, form->prefix_bytes(), bytes);
  for (auto* step : {&compose, &sign, &stamp, &wrap, &judge})
    std::printf("  %-30s %8.1f us\n", step->name, step->median());
  std::printf("raw signing:        %8.0f /s (%.1f us)\n", 1e6 / raw_us, raw_us);
  std::printf("compose and sign:   %8.0f /s per core   ratio %.2f\n", 1e6 / sealed_us,
              raw_us / sealed_us);
  std::printf("stamped and judged: %8.0f /s per core   ratio %.2f (of two signings: %.2f)\n",
              1e6 / whole_us, raw_us / whole_us, 2 * raw_us / whole_us);
  return 0;
}
