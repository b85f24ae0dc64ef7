#include "api/cli/command_tree.h"

#include <algorithm>
#include <array>

#include "api/cli/commands.h"

namespace cli {
namespace {

constexpr std::array kExitCodes{
    ExitCode{kDone, "完成", "done"},
    ExitCode{kFailed, "程序自身的错误", "a mistake of ours"},
    ExitCode{kUsage, "用法或配置有误", "wrong usage or configuration"},
    ExitCode{kRefused, "按规则拒绝", "refused by the rules"},
    ExitCode{kWaiting, "等待批准", "waiting for approvals"},
    ExitCode{kInvalidSignature, "签名或批准无效", "a signature or an approval is invalid"},
    ExitCode{kTokenUnavailable, "密码机或签名服务不可用", "the token or the signer is unavailable"},
    ExitCode{kIntegrity, "完整性有误", "integrity: an attribute, a file or a certificate is wrong"},
    ExitCode{kSelfTestFailed, "自检或健康检查未通过", "a self-test failed, or health is critical"},
    ExitCode{kConflict, "状态不符或不存在",
             "the state does not allow it, or there is no such thing"},
    ExitCode{kExpired, "已过期", "expired"},
    ExitCode{kLogBroken, "记录断裂", "minutes, ledger or trail are broken"},
    ExitCode{kOfficersTooFew, "管理员人数不足", "too few officers"},
    ExitCode{kTryAgain, "暂不可用，请重试", "not available now, try again"},
    ExitCode{kInterrupted, "已中断", "interrupted"},
};

/// "{a,b}" of a type name like "TEXT:{a,b}": how CLI11 writes CLI::IsMember.
std::vector<std::string> choices_of(std::string_view type) {
  std::vector<std::string> out;
  const auto from = type.find('{'), to = type.rfind('}');
  if (from == type.npos || to == type.npos || to < from) return out;
  auto rest = type.substr(from + 1, to - from - 1);
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    out.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return out;
}

CommandOption option_of(const CLI::Option& option) {
  CommandOption out;
  for (const auto& name : option.get_snames()) out.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) out.names.push_back("--" + name);
  const bool operand = !option.nonpositional();
  if (operand) out.names = {option.get_name(true)};
  const auto type = option.get_type_name();
  if (operand || option.get_items_expected_max() > 0) {
    out.choices = choices_of(type);
    out.value = out.choices.empty() ? type : type.substr(0, type.find(':'));
    if (out.value.empty()) out.value = "TEXT";
  }
  out.help = option.get_description();
  out.preset = option.get_default_str();
  out.required = option.get_required();
  out.repeated = option.get_items_expected_max() > 1;
  return out;
}

Command command_of(const CLI::App& app) {
  Command out{app.get_name(), app.get_description(), {}, {}, {}};
  for (const auto* option : app.get_options()) {
    auto one = option_of(*option);
    (option->nonpositional() ? out.options : out.operands).push_back(std::move(one));
  }
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    out.verbs.push_back(command_of(*verb));
  return out;
}

void collect(const Command& command, const std::string& path, std::vector<Place>& out) {
  out.push_back({path, &command});
  for (const auto& verb : command.verbs)
    collect(verb, path.empty() ? verb.name : path + " " + verb.name, out);
}

}  // namespace

Command command_tree(const CLI::App& app) {
  return command_of(app);
}

std::vector<Place> places(const Command& root) {
  std::vector<Place> out;
  collect(root, {}, out);
  return out;
}

std::span<const ExitCode> exit_codes() {
  return kExitCodes;
}

std::string exit_code_help() {
  std::string out = "退出码 · Exit codes:";
  for (const auto& one : exit_codes()) {
    auto number = std::to_string(one.code);
    number.insert(0, 5 - number.size(), ' ');
    out += "\n" + number + "  " + std::string(one.zh) + " · " + std::string(one.en);
  }
  return out;
}

}  // namespace cli
