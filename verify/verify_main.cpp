// xinyin-verify: judges sealed files on any computer, without a network, with a trust list alone.
// Links nothing that can sign.
//
// Exit codes: 0 all genuine; 1 one at least is not; 2 could not judge (usage, a file that cannot be
// read, no usable trust list, information missing); 3 the trust list is older than, or another
// than, one that was seen before.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/json.h"
#include "verify/report.h"
#include "verify/seen_lists.h"
#include "verify/verifier.h"

namespace {

using verify::Speech;

constexpr int kGenuine = 0, kNotGenuine = 1, kUndecided = 2, kRolledBack = 3;
constexpr const char* kUsualTrust = "/etc/xinyin/trust-list.jws";
constexpr const char* kUsualRoot = "/etc/xinyin/root.pem";
constexpr std::size_t kMostTrustBytes = 8 << 20;

struct Options {
  std::vector<std::string> files;
  std::string trust, root, at, state, lang = "both";
  bool json = false, no_state = false;
  Speech speech() const {
    return lang == "zh" ? Speech::zh : lang == "en" ? Speech::en : Speech::both;
  }
};

/// At most one octet more than `most`: enough to tell that it is too much.
base::Result<base::Bytes> read_whole(const std::string& path, std::size_t most) {
  const auto failed = [&](int error) {
    auto failure = base::error(base::Code::unavailable, "verify.file.unreadable");
    failure.args = {{"path", path}, {"why", std::strerror(error)}};
    return failure;
  };
  const auto close = [](std::FILE* file) {
    if (file != stdin) std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(
      path == "-" ? stdin : std::fopen(path.c_str(), "rb"), close);
  if (!file) return failed(errno);
  base::Bytes bytes;
  std::uint8_t block[65'536];
  while (bytes.size() <= most) {
    const std::size_t got = std::fread(block, 1, sizeof block, file.get());
    base::append(bytes, {block, std::min(got, most + 1 - bytes.size())});
    if (got < sizeof block) break;
  }
  if (std::ferror(file.get()) != 0) return failed(errno);
  return bytes;
}

/// Why a file was not judged; `headline` is the message key of what that led to, when there is one.
void complain(const Options& options, const std::string& file, base::Error failure,
              const char* headline = nullptr) {
  for (auto& [name, value] : failure.args) value = verify::shown(value);
  if (!options.json) {
    std::string text = verify::shown(file) + "\n";
    if (headline != nullptr) text += verify::say(headline, options.speech(), "  ? ");
    text += verify::say(failure.key, options.speech(), headline ? "    " : "  ? ", failure.args);
    std::fputs(text.c_str(), stderr);
    return;
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("file", verify::shown(file));
  out.member("outcome", verify::to_string(verify::Outcome::undetermined));
  out.member("error", headline != nullptr ? headline : failure.key);
  if (headline != nullptr) out.member("cause", failure.key);
  out.member("message_zh", base::message(failure.key, base::Language::zh, failure.args));
  out.member("message_en", base::message(failure.key, base::Language::en, failure.args));
  out.EndObject();
  std::printf("%s\n", out.text().c_str());
}

/// The pinned root's digest, when one is given or is where it usually is.
base::Result<std::optional<base::Digest>> pinned_root(std::string path) {
  std::error_code ignored;
  if (path.empty() && std::filesystem::exists(kUsualRoot, ignored)) path = kUsualRoot;
  if (path.empty()) return std::optional<base::Digest>();
  BASE_TRY(const auto pem, read_whole(path, 64 << 10));
  BASE_TRY(const auto root, certs::Certificate::from_pem(base::as_text(pem)));
  return std::optional(root.sha256());
}

base::Result<certs::TrustList> trust_list(const std::string& path,
                                          const std::optional<base::Digest>& root) {
  BASE_TRY(const auto jws, read_whole(path.empty() ? kUsualTrust : path, kMostTrustBytes));
  std::string_view text = base::as_text(jws);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return certs::TrustList::parse(text, root);
}

/// Where each user's state is, by the XDG base directory rules; empty when there is no home.
std::filesystem::path usual_state() {
  const auto from = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value != nullptr && *value == '/' ? value : "");
  };
  if (const auto state = from("XDG_STATE_HOME"); !state.empty())
    return state / "xinyin" / "seen-lists.json";
  const auto home = from("HOME");
  return home.empty() ? home : home / ".local" / "state" / "xinyin" / "seen-lists.json";
}

/// Not older than what was seen before. Where nobody asked for state and none can be kept (no home,
/// a read-only disk) judging goes on, with a word.
base::Result<void> check_newest(const Options& options, const certs::TrustList& trust) {
  if (options.no_state) return {};
  const bool asked = !options.state.empty();
  const std::filesystem::path file = asked ? std::filesystem::path(options.state) : usual_state();
  if (file.empty()) return {};
  const auto done = verify::remember(file, trust);
  if (done || asked || done.error().code != base::Code::unavailable) return done;
  std::fputs(verify::say(done.error().key, options.speech(), "! ", done.error().args).c_str(),
             stderr);
  return {};
}

int judge_all(const Options& options, const verify::Verifier& verifier,
              const verify::Ground& ground) {
  bool undecided = false, refused = false;
  for (const std::string& name : options.files) {
    auto file = read_whole(name, verify::Limits{}.file_bytes);
    if (!file) {
      complain(options, name, file.error());
      undecided = true;
      continue;
    }
    const auto verdict = verifier.judge(*file, ground.at);
    const std::string said = options.json ? to_json(name, verdict, ground) + "\n"
                                          : to_text(name, verdict, ground, options.speech());
    std::fputs(said.c_str(), stdout);
    if (verdict.outcome == verify::Outcome::undetermined)
      undecided = true;
    else if (verdict.outcome != verify::Outcome::genuine)
      refused = true;
  }
  if (std::fflush(stdout) != 0) return kUndecided;
  return refused ? kNotGenuine : undecided ? kUndecided : kGenuine;
}

int run(const Options& options) {
  const auto give_up = [&](const base::Error& failure, const char* headline) {
    for (const std::string& name : options.files) complain(options, name, failure, headline);
    return kUndecided;
  };
  verify::Ground ground;
  ground.at = base::SystemClock().now();
  if (!options.at.empty()) {
    const auto at = base::parse_rfc3339(options.at);
    if (!at)
      return give_up(base::error(base::Code::invalid_argument, "verify.cli.bad_time"), nullptr);
    ground.at = *at;
  }
  const auto pin = pinned_root(options.root);
  if (!pin) return give_up(pin.error(), "verify.cli.no_root");
  auto trust = trust_list(options.trust, *pin);
  if (!trust) return give_up(trust.error(), "verify.cli.no_trust");
  if (const auto newest = check_newest(options, *trust); !newest) {
    const bool rolled_back = newest.error().code == base::Code::conflict;
    give_up(newest.error(), rolled_back ? "verify.cli.rolled_back" : "verify.cli.no_trust");
    return rolled_back ? kRolledBack : kUndecided;
  }
  ground.root_sha256 = trust->roots.at(0).sha256();
  ground.root_pinned = pin->has_value();
  ground.domain = trust->domain;
  ground.sequence = trust->sequence;
  ground.next_update = trust->next_update;
  return judge_all(options, verify::Verifier(std::move(*trust)), ground);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Options options;
  CLI::App app{"离线查验签章文件 · Judges sealed files offline", "xinyin-verify"};
  app.footer(
      "退出码 Exit codes: 0 真实 genuine, 1 不真实 not genuine, 2 无法判定 could not judge, "
      "3 信任列表比见过的旧 trust list older than one seen before");
  app.add_option("files", options.files, "PDF 文件，- 为标准输入 · files, - for standard input")
      ->required()
      ->type_name("FILE");
  app.add_option("--trust", options.trust,
                 std::string("信任列表 · trust list (") + kUsualTrust + ")");
  app.add_option("--root", options.root,
                 std::string("指定的根证书 · the pinned root certificate (") + kUsualRoot + ")");
  app.add_option("--at", options.at, "查验时刻 · the moment of judging, e.g. 2026-11-24T03:00:00Z");
  auto* state = app.add_option("--state", options.state,
                               "记录已见信任列表的文件 · where the newest trust list seen is kept "
                               "(~/.local/state/xinyin/seen-lists.json)");
  app.add_flag("--no-state", options.no_state, "不记录也不比较 · neither keep nor compare it")
      ->excludes(state);
  app.add_flag("--json", options.json, "每个文件一行 JSON · one JSON object a file");
  app.add_option("--lang", options.lang, "zh, en, both")
      ->check(CLI::IsMember({"zh", "en", "both"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? kGenuine : kUndecided;
  }
  return run(options);
}
