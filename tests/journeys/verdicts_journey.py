"""What the public is told of a code: known, unknown, mistyped, revoked; each its own answer."""

from journey import ISSUER, TRY, Journey, ask, ask_json, code_of, eventually, issue, log_in, main, officer

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def combined(codes: list[str]) -> str:
    """A code whose checks hold and that nobody issued: the checks are linear, so the sum of three issued
    codes is a codeword too."""
    out = ""
    for symbols in zip(*codes):
        value = 0
        for symbol in symbols:
            value ^= SYMBOLS.index(symbol)
        out += SYMBOLS[value]
    return out


class VerdictsJourney(Journey):
    @classmethod
    def setUpClass(cls):
        cls.token = log_in()
        cls.issued = [issue(cls.token) for _ in range(3)]
        cls.codes = [code_of(made["code"]) for made in cls.issued]

    def page(self, code: str):
        status, _, body = ask("GET", f"/v/{code}", Accept="text/html")
        return status, body.decode()

    def test_a_known_code_is_in_force_and_masked(self):
        status, said = ask_json("GET", f"/v1/verify/{self.codes[0]}")
        self.assertEqual(status, 200, said)
        self.assertEqual(said["standing"]["state"], "in_force")
        self.assertNotIn(TRY["name"], str(said))
        self.assertNotIn(TRY["id_number"], str(said))
        status, text = self.page(self.codes[0])
        self.assertEqual(status, 200)
        self.assertNotIn(TRY["name"], text)

    def test_people_may_type_it_their_way(self):
        code = self.codes[0]
        for typed in (code.lower(), "-".join(code[i:i + 4] for i in range(0, 20, 4)), code.replace("0", "o")):
            self.assertEqual(ask("GET", f"/v1/verify/{typed}")[0], 200, typed)

    def test_a_mistyped_code_is_a_typo_not_a_forgery(self):
        code = self.codes[0]
        for place in range(20):
            other = SYMBOLS[(SYMBOLS.index(code[place]) + 7) % 32]
            status, said = ask_json("GET", f"/v1/verify/{code[:place]}{other}{code[place + 1:]}")
            self.assertEqual(status, 400, said)
            self.assertIn(said["key"], ("verify.code.typo", "verify.code.format"), said)
        status, text = self.page(code[:5] + SYMBOLS[(SYMBOLS.index(code[5]) + 1) % 32] + code[6:])
        self.assertEqual(status, 400)
        self.assertRegex(text, "输入|核对")

    def test_an_unknown_code_is_no_document_of_ours(self):
        code = combined(self.codes)
        status, said = ask_json("GET", f"/v1/verify/{code}")
        self.assertEqual(status, 404, said)
        status, text = self.page(code)
        self.assertEqual(status, 404)
        self.assertNotIn("verify.code", text)

    def test_the_three_answers_differ_in_words(self):
        typo = self.codes[0][:-1] + SYMBOLS[(SYMBOLS.index(self.codes[0][-1]) + 1) % 32]
        texts = {self.page(code)[1].split("<main", 1)[1] for code in (self.codes[0], typo, combined(self.codes))}
        self.assertEqual(len(texts), 3)

    def test_a_revoked_document_says_so(self):
        made = issue(self.token)
        code = code_of(made["code"])
        self.assertEqual(ask_json("GET", f"/v1/verify/{code}")[1]["standing"]["state"], "in_force")
        officer("document", "revoke", made["id"], "--reason", "issued_in_error")
        said = eventually(lambda: (lambda a: a if a["standing"]["state"] == "revoked" else None)(
            ask_json("GET", f"/v1/verify/{code}")[1]), what="the revocation is seen")
        self.assertTrue(said["standing"]["since"])
        status, text = self.page(code)
        self.assertEqual(status, 200)
        self.assertRegex(text, "撤销|作废")
        again = officer("document", "revoke", made["id"], "--reason", "issued_in_error",
                        check=False)
        self.assertNotEqual(again.returncode, 0)

    def test_the_trust_list_and_root_can_be_fetched(self):
        with open(TRY["trust_list"], "rb") as file:
            kept = file.read()
        with open(TRY["root_certificate"], "rb") as file:
            root = file.read()
        self.assertEqual(ask("GET", f"{ISSUER}/v1/trust-list")[2].strip(), kept.strip())
        self.assertEqual(ask("GET", f"{ISSUER}/v1/pki/root.pem")[2].strip(), root.strip())


if __name__ == "__main__":
    main()
