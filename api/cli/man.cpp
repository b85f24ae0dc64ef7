// xinyin man: manual pages in roff, written out of the parser's own tree.
#include <algorithm>

#include "api/cli/command_tree.h"
#include "api/cli/commands.h"
#include "base/json.h"
#include "base/text.h"
#include "certs/pki_directory.h"

namespace cli {
namespace {

/// Text as roff reads it: nothing in it is a request, and what is not ASCII is named by its number.
std::string roff(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      if (lead == '\\')
        out += "\\e";
      else if (lead == '-')
        out += "\\-";
      else if (lead == '\'')
        out += "\\(aq";
      else if (lead == '`')
        out += "\\(ga";
      else if (lead == '^')
        out += "\\(ha";
      else if (lead == '~')
        out += "\\(ti";
      else if (lead == '.' && out.empty())
        out += "\\&.";
      else if (lead == '\n')
        out += "\n.br\n";
      else
        out += text[at];
      ++at;
      continue;
    }
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    std::uint32_t point = lead & (0xFF >> (size + 1));
    for (std::size_t i = 1; i < size && at + i < text.size(); ++i)
      point = point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
    char name[16];
    std::snprintf(name, sizeof name, "\\[u%04X]", static_cast<unsigned>(point));
    out += name;
    at += size;
  }
  return out;
}

std::string bold(std::string_view text) {
  return "\\fB" + roff(text) + "\\fR";
}
std::string italic(std::string_view text) {
  return "\\fI" + roff(text) + "\\fR";
}
std::string value_of(const CommandOption& option) {
  if (option.choices.empty()) return italic(option.value);
  std::string out;
  for (const auto& choice : option.choices) out += (out.empty() ? "" : "|\\:") + bold(choice);
  return out;
}

/// The words a person types: "xinyin key generate".
std::string typed(const std::string& path) {
  return path.empty() ? "xinyin" : "xinyin " + path;
}

std::string synopsis(const std::string& path, const Command& command) {
  std::string out = bold(typed(path));
  for (const auto& operand : command.operands) {
    const auto name = italic(operand.names.front()) + (operand.repeated ? "..." : "");
    out += operand.required ? " " + name : " [" + name + "]";
  }
  for (const auto& option : command.options) {
    if (option.names.back() == "--help" || option.names.back() == "--help-all") continue;
    const auto one =
        bold(option.names.back()) + (option.value.empty() ? "" : " " + value_of(option));
    out += (option.required ? " " + one : " [" + one + "]") + (option.repeated ? "..." : "");
  }
  if (!command.verbs.empty()) out += " " + italic("COMMAND") + " ...";
  return out + "\n";
}

std::string option_text(const CommandOption& option, bool operand) {
  std::string names;
  for (const auto& name : option.names)
    names += (names.empty() ? "" : ", ") + (operand ? italic(name) : bold(name));
  std::string out = ".TP\n" + names;
  if (!operand && !option.value.empty()) out += " " + value_of(option);
  out += "\n" + roff(option.help.empty() ? option.names.back() : option.help);
  if (operand && !option.choices.empty()) out += ": " + value_of(option);
  if (option.required) out += " (required)";
  if (option.repeated) out += " (may be repeated)";
  if (!option.preset.empty()) out += " [default: " + roff(option.preset) + "]";
  return out + "\n";
}

std::string all_options(const Command& command) {
  std::string out;
  for (const auto& operand : command.operands) out += option_text(operand, true);
  for (const auto& option : command.options) out += option_text(option, false);
  return out;
}

std::string heading(const std::string& title, const std::string& help) {
  return ".TH " + title +
         " 1 \"\" \"xinyin " XINYIN_VERSION "\" \"Xinyin\"\n.ad l\n.nh\n.SH NAME\n" + roff(title) +
         " \\- " + roff(help) + "\n";
}

/// Exit codes, files, and where to read on; alike on every page.
std::string ending(const Command& root, const std::string& self) {
  std::string out = ".SH EXIT STATUS\n";
  for (const auto& one : exit_codes())
    out += ".TP\n.B " + std::to_string(one.code) + "\n" + roff(one.en) + "\n";
  out += ".SH FILES\n";
  for (const auto& option : root.options)
    if (option.names.back() == "--config")
      out += ".TP\n.I " + roff(option.preset) + "\n" +
             "The configuration; \\fBxinyin \\-\\-print\\-config\\fR prints every key. Paths in "
             "it are relative to it. It names the directory of certificates and lists, with\n" +
             ".IR " + roff(certs::PkiDirectory::kTrustList) + " .\n";
  out += ".SH SEE ALSO\n";
  std::string others;
  const auto refer = [&](const std::string& name) {
    if (name == self) return;
    others += (others.empty() ? "" : ",\n") + bold(name) + "(1)";
  };
  refer("xinyin");
  for (const auto& noun : root.verbs) refer("xinyin-" + noun.name);
  return out + others + "\n";
}

/// One page: of the program, of a noun with all its verbs, or of one verb alone.
std::string page(const Command& root, const std::string& path, const Command& command) {
  std::string title = "xinyin";
  for (const char c : path.empty() ? path : " " + path) title += c == ' ' ? '-' : c;
  std::string out = heading(title, command.help) + ".SH SYNOPSIS\n" + synopsis(path, command);
  if (!command.options.empty() || !command.operands.empty())
    out += ".SH OPTIONS\n" + all_options(command);
  if (!path.empty()) {
    out += ".SH GLOBAL OPTIONS\n";
    for (const auto& option : root.options)
      if (option.names.back() == "--config" || option.names.back() == "--json")
        out += option_text(option, false);
  }
  if (!command.verbs.empty()) {
    out += ".SH COMMANDS\n";
    for (const auto& [below, verb] : places(command)) {
      if (below.empty()) continue;
      const bool deep = below.find(' ') != std::string::npos;
      const auto whole = path.empty() ? below : path + " " + below;
      if (path.empty()) {  // the program's own page names them; each noun has its page
        if (!deep)
          out += ".TP\n" + bold(below) + "\n" + roff(verb->help) + "; see " +
                 bold("xinyin-" + below) + "(1)\n";
        else
          out += ".TP\n" + bold(below) + "\n" + roff(verb->help) + "\n";
        continue;
      }
      out += ".SS \"" + roff(below) + "\"\n" + roff(verb->help) + "\n.PP\n" +
             synopsis(whole, *verb) + all_options(*verb);
    }
  }
  return out + ending(root, title);
}

void put_option(base::JsonWriter& out, const CommandOption& option) {
  const auto list = [&](const char* name, const std::vector<std::string>& words) {
    out.key(name);
    out.StartArray();
    for (const auto& word : words) out.string(word);
    out.EndArray();
  };
  out.StartObject();
  list("names", option.names);
  out.member("value", option.value);
  list("choices", option.choices);
  out.member("help", option.help);
  out.member("default", option.preset);
  out.member("required", option.required);
  out.member("repeated", option.repeated);
  out.EndObject();
}

void put_command(base::JsonWriter& out, const Command& command) {
  out.StartObject();
  out.member("name", command.name);
  out.member("help", command.help);
  for (const auto& [name, options] :
       {std::pair("options", &command.options), std::pair("operands", &command.operands)}) {
    out.key(name);
    out.StartArray();
    for (const auto& option : *options) put_option(out, option);
    out.EndArray();
  }
  out.key("verbs");
  out.StartArray();
  for (const auto& verb : command.verbs) put_command(out, verb);
  out.EndArray();
  out.EndObject();
}

struct Options {
  std::vector<std::string> words;
  std::filesystem::path all;
};

base::Result<Answer> write_all(const Command& root, const std::filesystem::path& directory) {
  const certs::PkiDirectory there(directory);
  base::JsonWriter out;
  out.StartObject();
  out.key("files");
  out.StartArray();
  std::string text;
  const auto write = [&](const std::string& name, const std::string& content) {
    out.string(name);
    text += (text.empty() ? "" : "\n") + (directory / name).string();
    return there.write(name, content);
  };
  BASE_TRY_VOID(write("xinyin.1", page(root, "", root)));
  for (const auto& noun : root.verbs)
    BASE_TRY_VOID(write("xinyin-" + noun.name + ".1", page(root, noun.name, noun)));
  out.EndArray();
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> man(const Command& root, const Options& options) {
  if (!options.all.empty()) return write_all(root, options.all);
  std::string path;
  for (const auto& word : options.words) path += (path.empty() ? "" : " ") + word;
  for (const auto& [where, command] : places(root)) {
    if (where != path) continue;
    base::JsonWriter out;
    out.StartObject();
    out.key("command");
    put_command(out, *command);
    auto text = page(root, path, *command);
    out.member("roff", text);
    out.key("exit_codes");
    out.StartObject();
    for (const auto& one : exit_codes()) out.member(std::to_string(one.code).c_str(), one.en);
    out.EndObject();
    out.EndObject();
    text.pop_back();
    return Answer{out.text(), text, kDone};
  }
  auto failure = base::error(base::Code::not_found, "cli.no_command", path);
  failure.args = {{"what", path}};
  return failure;
}

}  // namespace

void register_man(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("man", "print a manual page: xinyin man | man -l -");
  const auto options = std::make_shared<Options>();
  noun->add_option("COMMAND", options->words, "a noun, and a verb; with --json the command's tree")
      ->expected(0, 3);
  noun->add_option("--all", options->all, "write xinyin.1 and a page for each noun into it")
      ->type_name("DIR");
  noun->callback(
      [&app, &context, options] { context.run([&] { return man(command_tree(app), *options); }); });
}

}  // namespace cli
