// xinyin completion bash | zsh | fish: a script for the shell, written out of the parser's own
// tree.
//
// The three scripts find their place alike: word by word, past options and their values, as deep as
// there are verbs. What follows is offered from tables: verbs, options, the values of an option,
// file names.
#include <algorithm>

#include "api/cli/command_tree.h"
#include "api/cli/commands.h"
#include "base/json.h"

namespace cli {
namespace {

/// In single quotes, for every one of the three shells.
std::string in_quotes(std::string_view text, bool fish = false) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += fish ? "\\'" : "'\\''";
    else if (c == '\\' && fish)
      out += "\\\\";
    else
      out += c;
  }
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::vector<std::string> verb_names(const Command& command) {
  std::vector<std::string> out;
  for (const auto& verb : command.verbs) out.push_back(verb.name);
  return out;
}

/// What may follow: "file", "any", or "=" and the only words there are.
std::string kind_of(const CommandOption& option) {
  if (!option.choices.empty()) return "=" + joined(option.choices);
  return option.names_a_file() ? "file" : "any";
}

/// What bash and zsh have in common: the place of the cursor, and the tables. Nothing of it needs
/// more than what bash 4 and zsh 5 read alike.
std::string tables(const Command& root) {
  std::string verbs, options, values, operands;
  for (const auto& [path, command] : places(root)) {
    if (!command->verbs.empty())
      verbs +=
          "    " + in_quotes(path) + ") echo " + in_quotes(joined(verb_names(*command))) + ";;\n";
    std::string names;
    for (const auto& option : command->options) {
      names += (names.empty() ? "" : " ") + joined(option.names);
      if (option.value.empty()) continue;
      std::string patterns;
      for (const auto& name : option.names)
        patterns += (patterns.empty() ? "" : "|") + in_quotes(path + ":" + name);
      values += "    " + patterns + ") echo " + in_quotes(kind_of(option)) + ";;\n";
    }
    options += "    " + in_quotes(path) + ") echo " + in_quotes(names) + ";;\n";
    int n = 0;
    for (const auto& operand : command->operands) {
      const auto number = operand.repeated ? "[0-9]*" : std::to_string(n);
      operands += "    " + in_quotes(path + ":") + number + ") echo " +
                  in_quotes(kind_of(operand)) + ";;\n";
      ++n;
    }
  }
  const auto table = [](const char* name, const std::string& rows, const char* means) {
    return std::string("_xinyin_") + name + "() {  # " + means + "\n  case \"$1\" in\n" + rows +
           "  esac\n}\n";
  };
  return table("verbs", verbs, "PLACE") + table("options", options, "PLACE") +
         table("values", values, "PLACE:OPTION; silent: it takes none") +
         table("operands", operands, "PLACE:NUMBER");
}

/// Reads the words before the cursor from the positional parameters.
constexpr const char* kWalk = R"sh(
# Sets place, the number of operands there so far, and wants: what the last word is an option for.
_xinyin_walk() {
  local word kind
  place='' count=0 wants=''
  for word in "$@"; do
    if [[ -n $wants ]]; then
      [[ $word == '=' ]] || wants=''
      continue
    fi
    if [[ $word == -* ]]; then
      [[ $word == *=* ]] && continue
      kind=$(_xinyin_values "$place:$word")
      [[ -n $kind ]] || kind=$(_xinyin_values ":$word")
      wants=$kind
    elif [[ " $(_xinyin_verbs "$place") " == *" $word "* ]]; then
      place="${place:+$place }$word"
    else
      count=$((count + 1))
    fi
  done
}
# Sets kind, and words when there are only so many: what may stand at the cursor.
_xinyin_offer() {
  words_offered='' kind=$wants
  if [[ -z $kind && $1 == -* ]]; then
    words_offered="$(_xinyin_options "$place") $(_xinyin_options '')" kind='='
  elif [[ -z $kind ]]; then
    words_offered=$(_xinyin_verbs "$place")
    if [[ -n $words_offered ]]; then kind='='; else kind=$(_xinyin_operands "$place:$count"); fi
    if [[ -z $kind ]]; then words_offered=$(_xinyin_options "$place") kind='='; fi
  elif [[ $kind == '='* ]]; then
    words_offered=${kind#=} kind='='
  fi
  if [[ $kind == '='?* ]]; then words_offered=${kind#=} kind='='; fi
}
)sh";

constexpr const char* kBash = R"sh(
_xinyin() {
  local cur=${COMP_WORDS[COMP_CWORD]} place count wants kind words_offered
  COMPREPLY=()
  _xinyin_walk "${COMP_WORDS[@]:1:COMP_CWORD-1}"
  # bash takes "--option=value" apart at the sign.
  if [[ $cur == '=' && -n $wants ]]; then cur=''; fi
  _xinyin_offer "$cur"
  case $kind in
    file) compopt -o filenames 2>/dev/null
          mapfile -t COMPREPLY < <(compgen -f -- "$cur");;
    '=') mapfile -t COMPREPLY < <(compgen -W "$words_offered" -- "$cur");;
  esac
}
complete -F _xinyin xinyin
)sh";

constexpr const char* kZsh = R"sh(
_xinyin() {
  local place count wants kind words_offered cur=${words[CURRENT]}
  _xinyin_walk "${(@)words[2,CURRENT-1]}"
  if [[ $cur == --*=* ]]; then
    compset -P '*='
    wants=$(_xinyin_values "$place:${cur%%=*}")
    [[ -n $wants ]] || wants=$(_xinyin_values ":${cur%%=*}")
  fi
  _xinyin_offer "$cur"
  case $kind in
    file) _files;;
    '=') if [[ $cur != -* && -n $(_xinyin_verbs "$place") && -z $wants ]]; then
           local -a described
           described=("${(@f)$(_xinyin_helps "$place")}")
           _describe 'xinyin' described
         else
           compadd -- ${=words_offered}
         fi;;
    any) _message 'value';;
  esac
}
if [[ ${funcstack[1]} == _xinyin ]]; then _xinyin "$@"; else compdef _xinyin xinyin; fi
)sh";

std::string bash_script(const Command& root) {
  return "# bash completion of xinyin:  source <(xinyin completion bash)\n" + tables(root) + kWalk +
         kBash;
}

/// "name:what it does", a line a verb, as _describe reads it.
std::string zsh_helps(const Command& root) {
  std::string rows;
  for (const auto& [path, command] : places(root)) {
    if (command->verbs.empty()) continue;
    rows += "    " + in_quotes(path) + ") print -r -l --";
    for (const auto& verb : command->verbs) rows += " " + in_quotes(verb.name + ":" + verb.help);
    rows += ";;\n";
  }
  return "_xinyin_helps() {  # PLACE\n  case \"$1\" in\n" + rows + "  esac\n}\n";
}

std::string zsh_script(const Command& root) {
  return "#compdef xinyin\n# zsh completion of xinyin:  xinyin completion zsh > "
         "${fpath[1]}/_xinyin\n" +
         tables(root) + zsh_helps(root) + kWalk + kZsh;
}

constexpr const char* kFish = R"sh(
# The place of the cursor: the verbs so far, past options and their values.
function __xinyin_place
    set -l place
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            if contains -- "$place:$word" $__xinyin_valued; or contains -- ":$word" $__xinyin_valued
                set skip 1
            end
        else if contains -- (string trim "$place $word") $__xinyin_places
            set place (string trim "$place $word")
        end
    end
    echo -- "$place"
end
function __xinyin_at
    test (__xinyin_place) = "$argv"
end
complete -c xinyin -f
)sh";

void fish_option(std::string& out, const std::string& when, const CommandOption& option) {
  out += "complete -c xinyin" + when;
  for (const auto& name : option.names)
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (!option.value.empty()) {
    out += option.choices.empty() ? " -r" : " -x -a " + in_quotes(joined(option.choices), true);
    if (option.names_a_file()) out += " -F";
  }
  out += " -d " + in_quotes(option.help, true) + "\n";
}

std::string fish_script(const Command& root) {
  std::string out =
      "# fish completion of xinyin:  xinyin completion fish > "
      "~/.config/fish/completions/xinyin.fish\n";
  std::string known = "set -g __xinyin_places", valued = "set -g __xinyin_valued", rows;
  for (const auto& [path, command] : places(root)) {
    if (!path.empty()) known += " " + in_quotes(path, true);
    for (const auto& option : command->options)
      for (const auto& name : option.names)
        if (!option.value.empty()) valued += " " + in_quotes(path + ":" + name, true);
    const auto at = " -n " + in_quotes("__xinyin_at " + in_quotes(path, true), true);
    for (const auto& verb : command->verbs)
      rows += "complete -c xinyin" + at + " -a " + verb.name + " -d " + in_quotes(verb.help, true) +
              "\n";
    for (const auto& option : command->options) fish_option(rows, path.empty() ? "" : at, option);
    for (const auto& operand : command->operands) {
      if (!operand.choices.empty())
        rows +=
            "complete -c xinyin" + at + " -a " + in_quotes(joined(operand.choices), true) + "\n";
      else if (operand.names_a_file())
        rows += "complete -c xinyin" + at + " -F\n";
    }
  }
  return out + known + "\n" + valued + "\n" + kFish + rows;
}

Answer script(const std::string& shell, const Command& root) {
  auto text = shell == "bash"  ? bash_script(root)
              : shell == "zsh" ? zsh_script(root)
                               : fish_script(root);
  while (text.ends_with('\n')) text.pop_back();
  base::JsonWriter out;
  out.StartObject();
  out.member("shell", shell);
  out.member("script", text);
  out.EndObject();
  return Answer{out.text(), text, kDone};
}

}  // namespace

void register_completion(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("completion", "a script that completes commands in your shell");
  const auto shell = std::make_shared<std::string>();
  noun->add_option("SHELL", *shell, "whose language the script is in")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  noun->callback([&app, &context, shell] {
    context.run([&] { return base::Result<Answer>(script(*shell, command_tree(app))); });
  });
}

}  // namespace cli
