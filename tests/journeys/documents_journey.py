"""Every kind of formal document, from the running system, as poppler, qpdf, zbar and our offline verifier see it."""

import base64
import json
import re
import tempfile
import urllib.parse
import uuid
from pathlib import Path

from journey import BIN, CHECKOUT, ISSUER, SCOPES, TRY, Journey, ask, ask_json, browse, client, fetch, log_in, main, run

TRUST = Path(TRY["trust_list"])
TEMPLATES = CHECKOUT / "seal/templates"
STATED = ("acceptance-notice", "refusal-notice", "supplement-notice", "result-notice")


def title_of(kind: str) -> str:
    return json.loads((TEMPLATES / kind / "1/template.json").read_text())["title"]["zh"]


def issue(token: str, item: str, body: dict, key: str | None = None):
    return ask_json("POST", f"/v1/documents/{item}", json.dumps(body).encode(), Authorization=f"Bearer {token}",
                    Content_Type="application/json", Idempotency_Key=key or str(uuid.uuid4()))


def core_token(scope: str = "documents.issue") -> str:
    basic = base64.b64encode(f"{TRY['core_client_id']}:{TRY['core_client_secret']}".encode()).decode()
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope}).encode()
    status, said = ask_json("POST", "/oauth/token", form, Authorization=f"Basic {basic}",
                            Content_Type="application/x-www-form-urlencoded")
    assert status == 200, said
    return said["access_token"]


def stated(kind: str) -> dict:
    facts = json.loads((TEMPLATES / kind / "1/sample.json").read_text())
    return {"subject": {"id_number": TRY["id_number"]}, "facts": facts}


class DocumentsJourney(Journey):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = Path(cls.folder.name)
        cls.token = log_in()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def judge(self, pdf: bytes, kind: str, outcome: str = "genuine") -> str:
        """The file is clean, whole, scannable, and judged the same offline and by code; answers its text."""
        file = self.dir / f"{kind}.pdf"
        file.write_bytes(pdf)
        self.assertIn("No syntax or stream encoding errors found", run("qpdf", "--check", file).stdout, kind)
        self.assertRegex(run("pdfinfo", file).stdout, r"Tagged: +yes", kind)
        for row in run("pdffonts", file).stdout.splitlines()[2:]:
            self.assertRegex(row, r"yes +yes +yes", kind)
        said = run(BIN / "xinyin-verify", file, "--trust", TRUST, "--no-state", "--json", check=False)
        self.assertEqual(json.loads(said.stdout)["outcome"], outcome, said.stdout)
        self.assertEqual(said.returncode == 0, outcome == "genuine")
        for old in self.dir.glob("page*.png"):
            old.unlink()
        run("pdftoppm", "-r", "150", "-png", file, self.dir / "page")
        read = {run("zbarimg", "--quiet", "--raw", one, check=False).stdout.strip() for one in self.dir.glob("page*.png")}
        address = (read - {""}).pop()
        self.assertTrue(address.startswith(f"{ISSUER}/v/"), address)
        state = {"genuine": "in_force", "sample": "sample"}[outcome]
        status, verdict = ask_json("GET", "/v1/verify/" + address.rsplit("/", 1)[1])
        self.assertEqual((status, verdict["state"]), (200, state), kind)
        text = run("pdftotext", "-layout", file, "-").stdout
        self.assertIn(title_of(kind), text)
        return text

    def test_a_person_gets_each_document_of_his_rights(self):
        for item, body in (("enrolment-certificate", {}), ("contribution-certificate", {}), ("rights-record", {}),
                           ("benefit-statement", {})):
            status, made = issue(self.token, item, body)
            self.assertEqual(status, 201, made)
            text = self.judge(fetch(self.token, made["id"]), item)
            self.assertIn(TRY["name"], text)
            self.assertIn(TRY["id_number"], text)

    def test_a_unit_gets_its_roster_and_a_row_proves_itself(self):
        token = browse.log_in(ISSUER, client(), TRY["unit_username"], TRY["unit_password"], SCOPES)
        status, made = issue(token, "enrolment-certificate", {"roster": True})
        self.assertEqual(status, 201, made)
        pdf = fetch(token, made["id"])
        text = self.judge(pdf, "unit-enrolment-certificate")
        self.assertEqual(len(re.findall(r"990100\*{8}\d{4}", text)), 42)
        facts = json.loads(run("qpdf", "--show-attachment=facts.json", self.dir / "unit-enrolment-certificate.pdf").stdout)
        status, verdict = ask_json("GET", "/v1/verify/" + made["code"])
        public = {fact["label"]: fact["value"] for fact in verdict["facts"]}
        self.assertEqual(public["fact.rows_digest"], facts["rows_digest"])
        status, made = issue(token, "rights-record", {})
        self.assertEqual(status, 201, made)
        self.judge(fetch(token, made["id"]), "unit-rights-record")

    def test_a_handling_system_states_what_became_of_an_application(self):
        token = core_token()
        for kind in STATED:
            key = str(uuid.uuid4())
            status, made = issue(token, kind, stated(kind), key)
            self.assertEqual(status, 201, made)
            self.assertEqual(issue(token, kind, stated(kind), key)[1]["id"], made["id"], "asked again, made once")
            text = self.judge(fetch(self.token, made["id"]), kind)
            self.assertIn(TRY["name"], text)

    def test_a_person_cannot_state_facts(self):
        for kind in STATED:
            self.assertEqual(issue(self.token, kind, stated(kind))[0], 403)
        self.assertEqual(issue(core_token(), "enrolment-certificate", {})[0], 403)

    def test_samples_are_judged_samples(self):
        status, _, page = ask("GET", "/samples", Accept="text/html")
        self.assertEqual(status, 200)
        kinds = re.findall(r'/samples/([a-z-]+)"', page.decode())
        self.assertEqual(len(kinds), len(list(TEMPLATES.glob("*/1"))))
        for kind in kinds:
            status, _, pdf = ask("GET", f"/samples/{kind}")
            self.assertEqual(status, 200, kind)
            self.judge(pdf, kind, "sample")


if __name__ == "__main__":
    main()
