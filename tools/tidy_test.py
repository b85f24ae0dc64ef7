"""Sees every rule of tools/tidy.py pass on a good tree and fail on a bad one."""

import tempfile
import unittest
from pathlib import Path

import tidy

CLAUSES = [f"9.{n}" for n in range(120)]
CONFORMANCE = ("<!-- clauses\n" + " ".join(CLAUSES) + "\n-->\n"
               + "".join(f"| {c} | a deed | `base/x.h` | a test | done |\n" for c in CLAUSES))
GOOD = {
    "README.md": "base/ auth/ store/ seal/ services/ api/ hsm/ gateways/ tools/dev run tools/dev test [d](docs/a.md)\n",
    "docs/a.md": "x\n",
    "docs/conformance.md": CONFORMANCE,
    "docs/decisions/README.md": "0001-one.md\n",
    "docs/decisions/0001-one.md": "x\n",
    "base/x.h": "// What.\n#pragma once\n",
    "base/x.cpp": '#include "base/x.h"\nint now() { return error(Code::internal, "base.bad"); }\n',
    "base/messages/base.json": '{"base.bad": {"zh": "坏 {x}", "en": "Bad {x}"}, "page.title": {"zh": "题", "en": "Title"}}\n',
    "auth/actor.h": "// What.\n#pragma once\n",
    "store/s.cpp": '#include <libpq-fe.h>\n#include "base/x.h"\nconstexpr Query kA{"store.a", ""};\n',
    "store/migrations/0001_a.sql": "select 1;\n",
    "hsm/t.cpp": "#include <p11-kit/pkcs11.h>\n",
    "seal/i.cpp": '#include "auth/actor.h"\n',
    "services/a/a.cpp": '#include "services/catalogue/c.h"\n#include "services/a/a.h"\n',
    "api/h.cpp": "#include <Poco/URI.h>\n",
    "gateways/g.cpp": '#include "seal/timestamp_source.h"\n',
    "web/templates/p.html": "{{name}} [[page.title]]\n",
    "tests/base/x_test.cpp": "TEST(X, Y) {}\n",
}

# rule -> changes to the good tree that it must complain of
BAD = {
    "includes_go_down": [
        {"base/x.cpp": '#include "store/store.h"\n'},
        {"verify/v.cpp": '#include "hsm/key.h"\n'},
        {"verify/v.cpp": '#include "auth/actor.h"\n'},
        {"seal/i.cpp": '#include "auth/provider.h"\n'},
        {"services/s.cpp": '#include "certs/chain.h"\n'},
        {"store/s.cpp": '#include "hsm/key.h"\n'},
        {"gateways/g.cpp": '#include "store/store.h"\n'},
        {"auth/a.cpp": '#include "api/routes.h"\n'},
        {"certs/c.cpp": '#include "utils/x.h"\n'},
        {"store/door.h": "// W.\n#pragma once\n#include <libpq-fe.h>\n", "auth/a.cpp": '#include "store/door.h"\n'},
    ],
    "services_folders_stand_side_by_side": [{"services/a/a.cpp": '#include "services/b/b.h"\n'}],
    "third_parties_stay_at_home": [
        {"base/x.cpp": "#include <Poco/URI.h>\n"},
        {"auth/a.cpp": "#include <libpq-fe.h>\n"},
        {"auth/a.cpp": "#include <postgresql/libpq-fe.h>\n"},
        {"certs/c.cpp": "#include <p11-kit/pkcs11.h>\n"},
    ],
    "time_and_chance_come_in": [
        {"auth/a.cpp": "auto t = std::chrono::system_clock::now();\n"},
        {"auth/a.cpp": "auto t = time(nullptr);\n"},
        {"seal/i.cpp": "std::random_device device;\n"},
        {"seal/i.cpp": "RAND_bytes(p, 3);\n"},
        {"api/h.cpp": 'auto e = getenv("X");\n'},
    ],
    "headers_are_in_shape": [{"base/x.h": "#pragma once\n"}, {"base/x.h": "// What.\n"}, {"api/main.cpp": "int x;\n"}],
    "templates_escape_always": [
        {"web/templates/p.html": "{{{name}}}\n"},
        {"web/templates/p.html": "{{& name}}\n"},
        {"tools/demo_portal/templates/p.html": "{{ name | safe }}\n"},
    ],
    "message_keys_have_both_languages": [
        {"base/messages/base.json": '{"base.bad": {"zh": "坏"}}\n'},
        {"base/messages/base.json": '{"base.bad": {"zh": "", "en": "Bad"}}\n'},
        {"base/messages/base.json": '{"base.bad": {"zh": "坏 {x}", "en": "Bad"}}\n'},
        {"base/messages/more.json": '{"base.bad": {"zh": "坏", "en": "Bad"}}\n'},
        {"base/messages/base.json": '{"a.b": {"zh": "坏", "en": "Bad"}, "a.b": {"zh": "坏", "en": "Bad"}}\n'},
        {"base/messages/base.json": "{\n"},
    ],
    "message_keys_used_exist": [
        {"auth/a.cpp": 'return base::error(base::Code::conflict, "auth.unknown");\n'},
        {"auth/a.cpp": 'report.reasons.push_back("auth.unknown");\n'},
        {"web/templates/p.html": "[[page.title]] [[page.other]]\n"},
    ],
    "message_keys_are_used": [{"web/templates/p.html": "\n"}],
    "migrations_are_numbered": [
        {"store/migrations/01_c.sql": "select 1;\n"},
        {"store/migrations/0001_b.sql": "select 1;\n"},
        {"store/migrations/b.sql": "select 1;\n"},
    ],
    "query_names_are_unique": [
        {"store/t.cpp": 'constexpr Query kB{"store.a", ""};\n'},
        {"auth/a.cpp": 'constexpr store::Query kB{"seal.find", ""};\n'},
        {"auth/a.cpp": 'constexpr store::Query kB{"find", ""};\n'},
    ],
    "links_lead_somewhere": [{"docs/a.md": "[x](nowhere.md)\n"}],
    "readme_names_the_rooms": [{"README.md": "nothing\n"}, {"README.md": None}],
    "every_clause_is_answered_for": [
        {"docs/conformance.md": CONFORMANCE.replace("| 9.7 | a deed | `base/x.h` | a test | done |\n", "")},
        {"docs/conformance.md": CONFORMANCE + "| 9.7 | again | x | x | done |\n"},
        {"docs/conformance.md": CONFORMANCE + "| 8.1 | unknown | x | x | done |\n"},
        {"docs/conformance.md": CONFORMANCE.replace("| done |", "| fine |", 1)},
        {"docs/conformance.md": CONFORMANCE.replace("base/x.h", "base/gone.h", 1)},
        {"docs/conformance.md": None},
    ],
    "decisions_are_indexed": [
        {"docs/decisions/0002-two.md": "x\n"},
        {"docs/decisions/two.md": "x\n"},
        {"docs/decisions/0001-two.md": "x\n", "docs/decisions/README.md": "0001-one.md 0001-two.md\n"},
        {"docs/decisions/README.md": None},
    ],
    "words_are_ours": [{"docs/a.md": "FIX" "ME later\n"}, {"docs/a.md": "TODO: later\n"},
                       {"base/x.h": "// see ../shared" "/design\n#pragma once\n"}],
    "lines_end_cleanly": [{"docs/a.md": "x"}, {"base/x.h": "// x \n#pragma once\n"}, {"base/x.h": "// x\r\n#pragma once\n"}],
    "test_names_are_laws": [{"tests/base/x_test.cpp": "GTEST_SKIP();\n"},
                            {"tests/base/x_test.cpp": "std::this_thread::sleep_for(1s);\n"}],
}


def complaints(rule: str, changes: dict) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, text in {**GOOD, **changes}.items():
            if text is not None:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(text.encode())
        tree = tidy.Tree(root)
        return list(next(r for r in tidy.RULES if r.__name__ == rule)(tree))


class TidyTest(unittest.TestCase):
    def test_every_rule_has_a_bad_tree(self):
        self.assertEqual(sorted(BAD), sorted(rule.__name__ for rule in tidy.RULES))

    def test_the_good_tree_keeps_every_rule(self):
        for rule in BAD:
            self.assertEqual(complaints(rule, {}), [], rule)

    def test_bad_trees_are_complained_of(self):
        for rule, cases in BAD.items():
            for case in cases:
                with self.subTest(rule=rule, case=case):
                    self.assertNotEqual(complaints(rule, case), [])

    def test_an_owned_todo_is_allowed(self):
        self.assertEqual(complaints("words_are_ours", {"docs/a.md": "TODO(store): more\n"}), [])

    def test_a_composed_key_counts_as_used(self):
        self.assertEqual(complaints("message_keys_are_used", {
            "web/templates/p.html": "\n", "auth/a.cpp": 'text("page." + name);\n'}), [])


if __name__ == "__main__":
    unittest.main()
