"""The house's rules as a test (docs/architecture.md). `tidy.py` prints what breaks one and fails.

Each rule is one function over the tree; tools/tidy_test.py sees every one of them fail once.
"""

import argparse
import json
import re
import sys
from pathlib import Path

# room -> rooms whose headers it may include. Nobody includes api.
FLOORS = {
    "base": set(),
    "store": {"base"},
    "hsm": {"base"},
    "certs": {"base", "store", "hsm"},
    "verify": {"base", "store", "certs"},
    "auth": {"base", "store", "hsm", "certs"},
    "seal": {"base", "store", "hsm", "certs", "verify"},
    "services": {"base", "store", "verify", "seal"},
    "gateways": {"base"},
    "api": {"base", "store", "hsm", "certs", "verify", "auth", "seal", "services", "gateways"},
}
# The one value that crosses sideways (docs/architecture.md, Doors).
DOORS = {"seal": {"auth/actor.h", "auth/system_actor.h"}, "services": {"auth/actor.h"}}
# gateways implement interfaces that a room above base declares.
GATEWAY_INTERFACES = {"auth/logout_sender.h", "auth/platform_source.h", "auth/proofing_source.h",
                      "auth/sms_sender.h",
                      "certs/timestamp_server.h", "seal/timestamp_source.h"}

# Heading of an include -> rooms where it may stand, in sources and in headers that no other room includes.
THIRD_PARTIES = [
    (r"Poco/", ("api", "gateways")),
    (r"(libpq-fe|libpq/|postgresql/|pg_config)", ("store",)),
    (r"(p11-kit|.*pkcs11\.h|cryptoki)", ("hsm",)),
]

FORBIDDEN_CALLS = [
    (r"\bsystem_clock::now\b|\butc_clock::now\b|\btime\s*\(\s*(nullptr|NULL|0)\s*\)|\bgettimeofday\b|\blocaltime(_r)?\b",
     "ask base::Clock what time it is"),
    (r"\brandom_device\b|\bmt19937|\bRAND_(priv_)?bytes\b|\bgetrandom\b|\barc4random|\bs?rand\s*\(",
     "ask base::Random for chance"),
    (r"\b(secure_)?getenv\b|\bsetenv\b", "configuration comes in through parameters, never from the environment"),
]
# Where a program's very purpose needs one of them, and why.
EXCUSED = {
    "api/http/reactor.cpp": "the Date field of answers (RFC 9110 §6.6.1), no deed depends on it",
    "hsm/software_token.cpp": "SoftHSM can be told its configuration by SOFTHSM2_CONF only",
    "hsm/supervisor.cpp": "SoftHSM can be told its configuration by SOFTHSM2_CONF only",
}
MAINS = re.compile(r"(^|_)main\.cpp$")

# The clauses of the standard and the derived requirements that docs/conformance.md must answer for.
CLAUSE_FILE = "docs/conformance.md"

WORDS = re.compile(
    r"\b(FIXME|XXX|HACK|WIP)\b|\b(chatgpt|copilot|anthropic|openai|claude|llm)\b|\bAI[- ](generated|assistant)\b"
    r"|/work/(main|shared)\b|\.\./shared/", re.IGNORECASE)
TODO = re.compile(r"\bTODO\b(?!\([a-z][a-z0-9_-]*\): \S)")
TEXT_SUFFIXES = {".h", ".cpp", ".py", ".md", ".cmake", ".sql", ".html", ".css", ".json", ".js", ".mjs", ".txt",
                 ".conf", ".cfg", ".service", ".yaml", ".yml", ".supp", ".sh", ""}
SKIPPED = {"build", "var", "node_modules", ".git", "__pycache__", "vectors", "corpus"}

# Message keys whose last part is put together at run time: prefix -> where.
COMPOSED_KEY = re.compile(r'"((?:[a-z0-9_]+\.)+)"\s*\+')

SMELLS = {"header": 150, "source": 400}


class Tree:
    """The files of a checkout, read once."""

    def __init__(self, root: Path):
        self.root = root
        self.files = sorted(
            path.relative_to(root) for path in root.rglob("*")
            if path.is_file() and not SKIPPED & set(path.relative_to(root).parts))
        self._text: dict[Path, str] = {}

    def text(self, file: Path) -> str:
        if file not in self._text:
            self._text[file] = (self.root / file).read_bytes().decode("utf-8", "replace")
        return self._text[file]

    def code(self, *suffixes: str, rooms=FLOORS) -> list[Path]:
        return [f for f in self.files if f.suffix in (suffixes or (".h", ".cpp")) and f.parts[0] in rooms]

    def lines(self, file: Path):
        return enumerate(self.text(file).split("\n"), 1)


def without_comments(line: str) -> str:
    return re.sub(r"//.*$", "", line) if '"' not in line else re.sub(r'//(?=[^"]*$).*$', "", line)


def third_party_of(line: str):
    """The rooms that may include what this line includes, when it is a third party with a home."""
    found = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
    if found and found.group(1).split("/")[0] not in FLOORS:
        for heading, homes in THIRD_PARTIES:
            if re.match(heading, found.group(1)):
                return homes
    return None


def private_headers(tree: Tree) -> set[str]:
    return {file.as_posix() for file in tree.code(".h")
            if file.parts[0] != "gateways" and any(third_party_of(line) for _, line in tree.lines(file))}


def without_comment_lines(text: str) -> str:
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def includes_go_down(tree: Tree):
    private = private_headers(tree)
    for file in tree.code():
        room = file.parts[0]
        for number, line in tree.lines(file):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found or "/" not in found.group(1):
                continue
            target = found.group(1)
            other = target.split("/")[0]
            if other == room or other not in FLOORS:
                if other not in FLOORS:
                    yield f"{file}:{number}: include \"{target}\" names no room"
                continue
            allowed = other in FLOORS[room] or target in DOORS.get(room, set()) or (
                room == "gateways" and target in GATEWAY_INTERFACES)
            if not allowed:
                yield f"{file}:{number}: {room} may not include {target}: includes go down only"
            elif target in private:
                yield f"{file}:{number}: {target} is private to {other}: it shows a third party's types"


def services_folders_stand_side_by_side(tree: Tree):
    for file in tree.code(rooms=("services",)):
        if len(file.parts) < 3:
            continue
        for number, line in tree.lines(file):
            found = re.match(r'\s*#\s*include\s+"services/([^/"]+)/', line)
            if found and found.group(1) not in (file.parts[1], "catalogue"):
                yield f"{file}:{number}: services/{file.parts[1]} may not include services/{found.group(1)}"


def third_parties_stay_at_home(tree: Tree):
    for file in tree.code():
        for number, line in tree.lines(file):
            homes = third_party_of(line)
            if homes and file.parts[0] not in homes:
                yield f"{file}:{number}: {line.strip()} belongs to {', '.join(homes)} alone"


def time_and_chance_come_in(tree: Tree):
    for file in tree.code():
        if file.parts[0] == "base" or MAINS.search(file.name) or file.as_posix() in EXCUSED:
            continue
        for number, line in tree.lines(file):
            code = without_comments(line)
            for pattern, why in FORBIDDEN_CALLS:
                if re.search(pattern, code):
                    yield f"{file}:{number}: {why}"


def headers_are_in_shape(tree: Tree):
    for file in tree.code():
        text = tree.text(file)
        alone = file.suffix == ".cpp" and file.with_suffix(".h") not in tree.files and MAINS.search(file.name)
        if (file.suffix == ".h" or alone) and not text.startswith("//"):
            yield f"{file}:1: the file does not open with what it is"
        if file.suffix == ".h" and "#pragma once" not in text:
            yield f"{file}:1: no #pragma once"


def templates_escape_always(tree: Tree):
    for file in tree.files:
        if file.suffix == ".html" and file.parts[0] == "web":
            for number, line in tree.lines(file):
                if re.search(r"\{\{\{|\{\{\s*&", line):
                    yield f"{file}:{number}: a value that is not escaped"
        if file.suffix == ".html" and file.parts[:2] == ("tools", "demo_portal"):
            for number, line in tree.lines(file):
                if re.search(r"\|\s*safe\b|autoescape\s+false", line):
                    yield f"{file}:{number}: a value that is not escaped"


def catalogue(tree: Tree):
    """key -> (file, entry); complaints about the catalogue itself."""
    keys, complaints = {}, []
    for file in tree.files:
        if file.parts[:2] != ("base", "messages") or file.suffix != ".json":
            continue
        try:
            pairs = json.loads(tree.text(file), object_pairs_hook=lambda pairs: pairs)
        except ValueError as error:
            complaints.append(f"{file}: not JSON: {error}")
            continue
        for key, entry in pairs:
            if key in keys:
                complaints.append(f"{file}: {key} is in {keys[key][0]} too")
            keys[key] = (file, dict(entry))
    return keys, complaints


def message_keys_have_both_languages(tree: Tree):
    keys, complaints = catalogue(tree)
    yield from complaints
    for key, (file, entry) in keys.items():
        for language in ("zh", "en"):
            if not isinstance(entry.get(language), str) or not entry[language].strip():
                yield f"{file}: {key} has no text in {language}"
        if set(entry) - {"zh", "en"}:
            yield f"{file}: {key} has more than zh and en"
        if entry.get("zh") and entry.get("en"):
            names = [set(re.findall(r"\{([a-z_]+)\}", entry[language])) for language in ("zh", "en")]
            if names[0] != names[1]:
                yield f"{file}: {key}: the two languages name different values ({names[0] ^ names[1]})"


KEY = r'"([a-z0-9_]+(?:\.[a-z0-9_]+)+)"'
# Places where a string is a message key for certain.
KEY_PLACES = [
    re.compile(r"\berror\(\s*(?:base::)?Code::\w+,\s*" + KEY),
    re.compile(r"\bError\{\s*(?:base::)?Code::\w+,\s*" + KEY),
    re.compile(r"\b(?:base::)?(?:message|has_message)\(\s*" + KEY),
    re.compile(r"\bFieldError\{[^,{}]+,\s*" + KEY),
    re.compile(r"\breasons?\.push_back\(\s*" + KEY),
    re.compile(r"\breason\s*=\s*" + KEY),
    re.compile(r'\.key\s*=\s*' + KEY),
]


def message_keys_used_exist(tree: Tree):
    keys, _ = catalogue(tree)
    for file in tree.code():
        text = without_comment_lines(tree.text(file))
        for place in KEY_PLACES:
            for found in place.finditer(text):
                if found.group(1) not in keys:
                    line = text.count("\n", 0, found.start()) + 1
                    yield f"{file}:{line}: {found.group(1)} is not in base/messages"
    for file in tree.files:
        if file.parts[0] == "web" and file.suffix == ".html":
            for found in re.finditer(r"\[\[(?:zh:|en:)?([a-z0-9_]+(?:\.[a-z0-9_]+)+)\]\]", tree.text(file)):
                if found.group(1) not in keys:
                    yield f"{file}: {found.group(1)} is not in base/messages"


def message_keys_are_used(tree: Tree):
    keys, _ = catalogue(tree)
    used, prefixes = set(), set()
    for file in tree.code():
        text = tree.text(file)
        used.update(re.findall(KEY, text))
        prefixes.update(COMPOSED_KEY.findall(text))
    for file in tree.files:
        if file.parts[0] == "web" and file.suffix == ".html":
            used.update(re.findall(r"\[\[(?:zh:|en:)?([a-z0-9_.]+)\]\]", tree.text(file)))
        if file.match("seal/templates/*/*/template.json"):  # a kind of document and what of it is public
            template = json.loads(tree.text(file))
            used.add("document." + template["kind"])
            used.update(fact["label"] for fact in template["public"])
    for key, (file, _) in keys.items():
        if key not in used and not any(key.startswith(prefix) for prefix in prefixes):
            yield f"{file}: {key} is used nowhere"


def migrations_are_numbered(tree: Tree):
    """Each number once. Numbers may be left out: several are written at the same time."""
    taken = {}
    for file in [f for f in tree.files if f.parts[:2] == ("store", "migrations")]:
        found = re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", file.name)
        if not found:
            yield f"{file}: a migration is named NNNN_name.sql"
        elif found.group(1) in taken:
            yield f"{file}: the number is taken by {taken[found.group(1)]}"
        else:
            taken[found.group(1)] = file.name


def query_names_are_unique(tree: Tree):
    seen = {}
    for file in tree.code():
        for found in re.finditer(r'\bQuery\s+k\w+\s*\{\s*"([^"]+)"', without_comment_lines(tree.text(file))):
            name = found.group(1)
            if name in seen:
                yield f"{file}: the query name {name} is taken by {seen[name]}"
            seen[name] = file
            if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", name):
                yield f"{file}: the query name {name} is not room.deed"
            elif not name.startswith(file.parts[0] + ".") and file.parts[0] not in ("store", "services"):
                yield f"{file}: the query {name} does not begin with its room's name"


def links_lead_somewhere(tree: Tree):
    for file in tree.files:
        if file.suffix != ".md":
            continue
        for number, line in tree.lines(file):
            for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", line):
                if re.match(r"[a-z]+:", target):
                    continue
                if not (tree.root / file.parent / target).exists():
                    yield f"{file}:{number}: {target} does not exist"


def readme_names_the_rooms(tree: Tree):
    readme = Path("README.md")
    if readme not in tree.files:
        yield "README.md is missing"
        return
    text = tree.text(readme)
    for room in FLOORS:
        if any(f.parts[0] == room for f in tree.files) and f"{room}/" not in text:
            yield f"README.md does not name the room {room}/"
    for command in ("tools/dev run", "tools/dev test"):
        if command not in text:
            yield f"README.md does not name {command}"


def every_clause_is_answered_for(tree: Tree):
    file = Path(CLAUSE_FILE)
    if file not in tree.files:
        yield f"{file} is missing"
        return
    text = tree.text(file)
    block = re.search(r"<!-- clauses\n(.*?)\n-->", text, re.DOTALL)
    if not block:
        yield f"{file}: the list of clauses (<!-- clauses … -->) is missing"
        return
    clauses = block.group(1).split()
    if len(clauses) < 100:
        yield f"{file}: the list of clauses holds {len(clauses)} only"
    rows = re.findall(r"^\| (\S+) \| .+ \| .* \| .* \| ([a-z ]+) \|$", text, re.MULTILINE)
    rows = [row for row in rows if row != ("clause", "state")]
    answered = [row[0] for row in rows]
    for clause in clauses:
        if answered.count(clause) != 1:
            yield f"{file}: {clause} has {answered.count(clause)} rows; it needs one"
    for clause, state in rows:
        if clause not in clauses:
            yield f"{file}: {clause} is not in the list of clauses"
        if state not in ("done", "partly", "not yet"):
            yield f"{file}: {clause}: the state is done, partly or not yet; not \"{state}\""
    for found in re.finditer(r"`((?:[a-z_0-9]+/)+[a-z_0-9.]*)`", text):
        if not (tree.root / found.group(1)).exists():
            yield f"{file}: `{found.group(1)}` does not exist"


def decisions_are_indexed(tree: Tree):
    index = Path("docs/decisions/README.md")
    records = [f for f in tree.files if f.parts[:2] == ("docs", "decisions") and f.name != "README.md"]
    if records and index not in tree.files:
        yield f"{index} is missing"
        return
    numbers = {}
    for record in records:
        found = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", record.name)
        if not found:
            yield f"{record}: a decision record is named NNNN-name.md"
            continue
        if found.group(1) in numbers:
            yield f"{record}: the number is taken by {numbers[found.group(1)]}"
        numbers[found.group(1)] = record.name
        if record.name not in tree.text(index):
            yield f"{index} does not list {record.name}"


def words_are_ours(tree: Tree):
    for file in tree.files:
        if file.suffix not in TEXT_SUFFIXES or file.parts[:1] == ("tools",) and file.name.startswith("tidy"):
            continue
        if file.name == "package-lock.json":
            continue
        for number, line in tree.lines(file):
            found = WORDS.search(line)
            if found:
                yield f"{file}:{number}: \"{found.group(0)}\" has no place here"
            if TODO.search(line):
                yield f"{file}:{number}: TODO names its owner: TODO(name): what"


def lines_end_cleanly(tree: Tree):
    for file in tree.files:
        if file.suffix in TEXT_SUFFIXES and file.parts[0] not in ("LICENSES",):
            data = (tree.root / file).read_bytes()
            if b"\r\n" in data:
                yield f"{file}: lines end with CR LF"
            if data and not data.endswith(b"\n"):
                yield f"{file}: the last line has no end"
            if b"\0" in data:
                continue
            for number, line in enumerate(data.split(b"\n"), 1):
                if line.endswith((b" ", b"\t")) and file.suffix != ".md":
                    yield f"{file}:{number}: space at the end of the line"
                    break


def test_names_are_laws(tree: Tree):
    for file in tree.files:
        if file.parts[0] != "tests" or not file.name.endswith(".cpp"):
            continue
        for number, line in tree.lines(file):
            if re.search(r"\bGTEST_SKIP\b|\bDISABLED_", line):
                yield f"{file}:{number}: a test is never skipped"
            if re.search(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|\bsleep\s*\(", without_comments(line)):
                # Polling with a deadline and pretending to hang are what these two are for.
                if file.parts[1] not in ("support", "fakes") and "//" not in line:
                    yield f"{file}:{number}: a test does not sleep and hope: say on the line what the time means"


RULES = [
    includes_go_down, services_folders_stand_side_by_side, third_parties_stay_at_home, time_and_chance_come_in,
    headers_are_in_shape, templates_escape_always, message_keys_have_both_languages, message_keys_used_exist,
    message_keys_are_used, migrations_are_numbered, query_names_are_unique, links_lead_somewhere,
    readme_names_the_rooms, every_clause_is_answered_for, decisions_are_indexed, words_are_ours, lines_end_cleanly,
    test_names_are_laws,
]


def smells(tree: Tree):
    """Sizes past which a file is hard to read: told, not refused."""
    for file in tree.code():
        most = SMELLS["header" if file.suffix == ".h" else "source"]
        lines = tree.text(file).count("\n")
        if lines > most:
            yield f"{file}: {lines} lines (past {most})"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    tree = Tree(parser.parse_args().root)
    broken = 0
    for rule in RULES:
        for complaint in rule(tree):
            print(f"{complaint}  [{rule.__name__}]")
            broken += 1
    for smell in smells(tree):
        print(f"note: {smell}")
    print(f"{len(RULES)} rules over {len(tree.files)} files: " + (f"{broken} complaints" if broken else "all kept"))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
