"""The officers' whole work on a running system: nothing by one alone, every act in the ledger, and what comes of it
judged by openssl, gnutls, poppler and the offline verifier. It has a stack of its own: keys change in it for good.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from journey import (BIN, ISSUER, TRY, VAR, Journey, eventually, fetch, issue, log_in, main, officer, run, sql,
                     start_issuing)

PKI = VAR / "pki"
LEDGER = VAR / "token" / "officers-ledger.jsonl"
JIA, YI, BING = TRY["officer_cards"]
DONE, REFUSED, WAITING, CONFLICT, TOO_FEW = 0, 3, 4, 9, 12
GENUINE, NOT_GENUINE = 0, 1


def said(*arguments):
    """Exit code and the data of an answer with --json."""
    done = officer("--json", *arguments, check=False)
    answer = json.loads(done.stdout)
    assert answer["code"] == done.returncode, done.stdout
    return done.returncode, answer["data"] if answer.get("data") is not None else answer


def approve(request: str, *cards: str) -> None:
    for card in cards:
        officer("request", "approve", request, "--card", card, "--confirm", request[-6:])


def carry(request: str, *cards: str) -> dict:
    """Approved with the cards, carried out; what came of it."""
    approve(request, *cards)
    code, answer = said("request", "execute", request)
    assert code == DONE, answer
    return answer


def asked(*arguments) -> str:
    """The name of the request that a verb makes."""
    code, answer = said(*arguments)
    assert code == WAITING, answer
    return answer["id"]


def keys() -> dict:
    return {key["label"]: key for key in said("key", "list", "--all")[1]}


def ledger() -> list[dict]:
    return [json.loads(line) for line in LEDGER.read_text().splitlines()]


def refusals() -> list[str]:
    return [line["body"]["why"] for line in ledger() if line["kind"] == "event" and line["body"]["what"] == "refused"]


def publish(*cards: str) -> None:
    """A trust list that says something new, approved."""
    code, answer = said("trust", "publish")
    if code == WAITING:
        carry(answer["request"], *cards)


def judge(file: Path, *options):
    done = run(BIN / "xinyin-verify", file, "--trust", TRY["trust_list"], "--no-state", "--json", *options, check=False)
    return done.returncode, json.loads(done.stdout)


class OfficersJourney(Journey):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = Path(cls.folder.name)
        cls.nss = cls.dir / "nss"
        cls.nss.mkdir()
        run("certutil", "-N", "-d", f"sql:{cls.nss}", "--empty-password")
        run("certutil", "-A", "-d", f"sql:{cls.nss}", "-n", "root", "-t", "CT,C,C", "-i", TRY["root_certificate"])
        cls.token = log_in()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def sealed(self, name: str) -> Path:
        file = self.dir / f"{name}.pdf"
        file.write_bytes(fetch(self.token, issue(self.token)["id"]))
        return file

    def assert_genuine(self, file: Path) -> None:
        code, answer = judge(file)
        self.assertEqual((code, answer["outcome"]), (GENUINE, "genuine"), answer)
        poppler = run("pdfsig", "-nssdir", str(self.nss), file, check=False).stdout
        self.assertIn("Signature Validation: Signature is Valid.", poppler)
        self.assertIn("Certificate Validation: Certificate is Trusted.", poppler)

    def lists(self) -> Path:
        """Both revocation lists as PEM, for programs that read nothing else."""
        out = b""
        for name in ("root", "issuing"):
            out += run("openssl", "crl", "-inform", "DER", "-in", PKI / f"{name}.crl").stdout.encode()
        file = self.dir / "lists.pem"
        file.write_bytes(out)
        return file

    def openssl_verify(self, certificate: Path):
        return run("openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", PKI / "root.pem", "-untrusted",
                   PKI / "issuing.pem", "-CRLfile", self.lists(), certificate, check=False)

    # ---- one alone ------------------------------------------------------------------------------------

    def alone(self, what: str, *arguments) -> None:
        """Asked, approved by one, tried: refused, with a reason in the ledger, and nothing has changed."""
        before, refused = keys(), len(refusals())
        request = asked(*arguments)
        code, answer = said("request", "execute", request)
        self.assertEqual(code, WAITING, f"{what} by nobody: {answer}")
        approve(request, JIA)
        again = officer("request", "approve", request, "--card", JIA, "--confirm", request[-6:], check=False)
        self.assertEqual(again.returncode, CONFLICT, f"{what}: the same vote twice")
        code, answer = said("request", "execute", request)
        self.assertEqual(code, WAITING, f"{what} by one: {answer}")
        self.assertEqual(answer["error"], "hsm.officers.too_few_approvals")
        self.assertEqual(keys(), before, what)
        new = refusals()[refused:]
        self.assertEqual(len([why for why in new if "too_few_approvals" in why]), 2, f"{what}: {new}")
        self.assertEqual(len([why for why in new if "voted_already" in why]), 1, f"{what}: {new}")
        officer("request", "reject", request, "--card", YI, "--confirm", request[-6:], "--reason", "for one alone")
        self.assertEqual(said("request", "show", request)[1]["standing"], "rejected")
        late = officer("request", "approve", request, "--card", BING, "--confirm", request[-6:], check=False)
        self.assertEqual(late.returncode, CONFLICT, f"{what}: approved after it was rejected")

    def test_one_officer_alone_can_do_nothing_sensitive(self):
        card = self.card("fremd", "陌生人")
        self.alone("generating", "key", "generate", "seal-77", "--purpose", "seal", "--activate")
        self.alone("generating a root", "key", "generate", "root-77", "--purpose", "root_ca")
        self.alone("rotating", "key", "rotate", "seal-1", "--activate")
        self.alone("ending a key", "key", "deactivate", "seal-1")
        self.alone("declaring a key compromised", "key", "compromise", "seal-1", "--since", "2026-01-01T00:00:00Z")
        self.alone("backing up", "key", "backup", "alone.backup", "--officer", "jia", "--officer", "yi", "--officer",
                   "bing")
        self.alone("changing thresholds", "officer", "quorum", "set", "--needs", "key.compromise=1")
        self.alone("retiring after enrolling", "officer", "enrol", "fremd", "--name", "陌生人", "--certificate",
                   card / "certificate.pem")
        self.alone("issuing", "cert", "issue", "seal-1")

    def test_one_alone_cannot_use_a_key_that_was_stopped_nor_destroy_one(self):
        officer("request", "execute", self.approved(asked("key", "suspend", "ocsp-1"), JIA))
        self.assertEqual(keys()["ocsp-1"]["state"], "suspended", "one is enough to stop")
        self.alone("releasing a refusal", "key", "resume", "ocsp-1")
        carry(asked("key", "resume", "ocsp-1"), JIA, BING)
        self.assertEqual(keys()["ocsp-1"]["state"], "active")
        carry(asked("key", "generate", "spare-1", "--purpose", "log"), JIA, BING)
        self.assertEqual(keys()["spare-1"]["state"], "pre_active")
        self.alone("destroying", "key", "destroy", "spare-1")
        self.alone("activating", "key", "activate", "spare-1")
        # Approved by enough of them, it still waits out the grace in which anybody may stop it.
        request = asked("key", "destroy", "spare-1")
        approve(request, JIA, YI)
        code, answer = said("request", "execute", request)
        self.assertEqual((code, answer["error"]), (WAITING, "hsm.officers.grace"))
        officer("request", "reject", request, "--card", BING, "--confirm", request[-6:])

    def test_one_alone_cannot_restore_a_backup(self):
        carry(asked("key", "backup", "three.backup", "--officer", "jia", "--officer", "yi", "--officer", "bing"), JIA, BING)
        file = VAR / "token" / "backups" / "three.backup.xbk"
        place = VAR / "restored"
        for cards in ((JIA,), (JIA, JIA)):
            tried = officer("key", "restore", "--backup", file, *[word for card in cards for word in ("--card", card)],
                            "--into", place / "store", "--inventory", place / "inventory.json", "--ledger",
                            place / "ledger.jsonl", "--pin-out", place / "pin", check=False)
            self.assertNotEqual(tried.returncode, DONE, tried.stdout)
            self.assertFalse((place / "store").exists() and list((place / "store").iterdir()), "nothing is restored")
            self.assertFalse((place / "pin").exists())
            drilled = officer("key", "drill", "--backup", file, *[word for card in cards for word in ("--card", card)],
                              check=False)
            self.assertNotEqual(drilled.returncode, DONE, drilled.stdout)
        officer("key", "drill", "--backup", file, "--card", JIA, "--card", YI)

    def test_a_drill_goes_on_record_for_the_keys_that_it_brought_back(self):
        carry(asked("key", "backup", "drilled.backup", "--officer", "jia", "--officer", "yi", "--officer", "bing"), JIA, YI)
        code, drilled = said("key", "drill", "--backup", VAR / "token" / "backups" / "drilled.backup.xbk", "--card", JIA,
                             "--card", BING)
        self.assertEqual(code, DONE, drilled)
        report = self.folder_of_the_stack() / "drill.json"
        report.write_text(json.dumps({"ok": True, "code": 0, "data": drilled, "warnings": []}))
        report.chmod(0o644)
        self.alone("proving a backup", "key", "prove-backup", report)
        carry(asked("key", "prove-backup", report), BING, JIA)
        proof = [line for line in ledger() if line["kind"] == "request" and '"op":"backup.prove"' in line["body"]["request"]][-1]
        params = json.loads(proof["body"]["request"])["params"]
        self.assertEqual(params["backup"], drilled["sha256"])
        self.assertEqual(params["report"], hashlib.sha256(report.read_bytes()).hexdigest())
        proven = {key["id"] for key in said("key", "list")[1] if "backup_proven" in key}
        self.assertLessEqual({key["id"] for key in drilled["keys"]}, proven)

    def folder_of_the_stack(self) -> Path:
        home = VAR / "etc" / "officers-journey"
        home.mkdir(exist_ok=True, mode=0o700)
        os.chown(home, VAR.stat().st_uid, VAR.stat().st_gid)
        return home

    def plan(self) -> Path:
        """The plan where the stack's account may read it: the checkout may be private."""
        copy = self.folder_of_the_stack() / "plan.json"
        copy.write_bytes((Path(__file__).resolve().parents[2] / "certs/demo_ceremony.json").read_bytes())
        copy.chmod(0o644)
        return copy

    def approved(self, request: str, *cards: str) -> str:
        approve(request, *cards)
        return request

    def test_what_is_signed_is_what_was_shown(self):
        request = asked("key", "suspend", "openid-1", "--reason", "a drill")
        shown = officer("request", "show", request).stdout
        for word in ("openid-1", "a drill", request[-6:]):
            self.assertIn(word, shown)
        wrong = officer("request", "approve", request, "--card", JIA, "--confirm", "000000", check=False)
        self.assertIn("cli.confirm_differs", wrong.stderr)
        self.assertIn(request, json.dumps(said("request", "list")[1]))
        officer("request", "reject", request, "--card", JIA, "--confirm", request[-6:])
        self.assertNotIn(request, json.dumps(said("request", "list")[1]))
        self.assertEqual(keys()["openid-1"]["state"], "active")

    # ---- people ---------------------------------------------------------------------------------------

    def card(self, person: str, name: str) -> Path:
        """A new person's card, in a folder that the stack's account owns."""
        home = self.folder_of_the_stack() / person
        owner = VAR.stat()
        home.mkdir(exist_ok=True, mode=0o700)
        os.chown(home, owner.st_uid, owner.st_gid)
        original = Path(JIA).read_text()
        for file, text in {
            "card.conf": re.sub(r"(?m)^card\.(label|softhsm_conf|directory|pin_file) .*$", "", original) +
                         f"\ncard.label = card-{person}\ncard.softhsm_conf = {home}/softhsm.conf\n"
                         f"card.directory = {home}/token\ncard.pin_file = {home}/pin\n",
            "pin": "271828182845\n", "so-pin": "314159265358\n"}.items():
            (home / file).write_text(text)
            (home / file).chmod(0o600)
            os.chown(home / file, owner.st_uid, owner.st_gid)
        _, made = said("card", "create", "--card", home / "card.conf", "--name", name, "--person", person,
                       "--so-pin-file", home / "so-pin")
        (home / "certificate.pem").write_text(made["certificate"])
        (home / "certificate.pem").chmod(0o644)
        run("openssl", "verify", "-partial_chain", "-trusted", home / "certificate.pem", home / "certificate.pem")
        return home

    def test_a_fourth_officer_comes_and_another_goes_and_numbers_change(self):
        home = self.card("ding", "演示人员丁")
        ding = str(home / "card.conf")
        pending = asked("key", "suspend", "openid-1")
        stranger = officer("request", "approve", pending, "--card", ding, "--confirm", pending[-6:], check=False)
        self.assertEqual(stranger.returncode, REFUSED)
        self.assertIn("cli.unknown_card", stranger.stderr)
        code, answer = said("officer", "retire", "bing")
        self.assertEqual((code, answer["error"]), (TOO_FEW, "hsm.officers.too_few"), "three stay at least")

        carry(asked("officer", "enrol", "ding", "--name", "演示人员丁", "--certificate", home / "certificate.pem"), JIA, YI)
        people = {one["id"]: one for one in said("officer", "list")[1]}
        self.assertTrue(people["ding"]["may_vote"])
        # Approvals and requests of before die with the change.
        self.assertEqual(said("request", "show", pending)[1]["standing"], "overtaken")
        self.assertEqual(officer("request", "execute", pending, check=False).returncode, CONFLICT)

        carry(asked("officer", "quorum", "set", "--needs", "key.generate=3"), ding, JIA)
        self.assertEqual(said("officer", "quorum", "show")[1]["key.generate"], 3)
        request = asked("key", "generate", "spare-9", "--purpose", "log")
        approve(request, JIA, YI)
        self.assertEqual(said("request", "execute", request)[0], WAITING, "three are needed now")
        carry(request, ding)
        carry(asked("officer", "quorum", "set", "--needs", "key.generate=2"), JIA, YI)

        # Whom it concerns has no vote in it.
        request = asked("officer", "retire", "ding")
        concerned = officer("request", "approve", request, "--card", ding, "--confirm", request[-6:], check=False)
        self.assertIn("hsm.officers.concerned", concerned.stderr)
        carry(request, JIA, BING)
        self.assertFalse({one["id"]: one for one in said("officer", "list")[1]}["ding"]["may_vote"])
        pending = asked("key", "suspend", "openid-1")
        gone = officer("request", "approve", pending, "--card", ding, "--confirm", pending[-6:], check=False)
        self.assertEqual(gone.returncode, REFUSED)
        officer("request", "reject", pending, "--card", JIA, "--confirm", pending[-6:])
        self.assertTrue([why for why in refusals() if "hsm.officers.no_vote: ding" in why])

    # ---- certificates ---------------------------------------------------------------------------------

    def test_gnutls_accepts_chain_and_lists(self):
        for leaf in ("seal-1", "timestamp-1", "openid-1", "ocsp-1"):
            chain = self.dir / "chain.pem"
            chain.write_text((PKI / f"{leaf}.pem").read_text() + (PKI / "issuing.pem").read_text())
            done = run("certtool", "--verify", "--infile", chain, "--load-ca-certificate", PKI / "root.pem",
                       "--load-crl", self.lists())
            self.assertIn("Chain verification output: Verified. The certificate is trusted.", done.stdout)
        for name in ("root", "issuing"):
            pem = self.dir / f"{name}.crl.pem"
            run("openssl", "crl", "-inform", "DER", "-in", PKI / f"{name}.crl", "-out", pem)
            done = run("certtool", "--verify-crl", "--infile", pem, "--load-ca-certificate", PKI / f"{name}.pem")
            self.assertIn("Verified", done.stdout)

    def test_a_revoked_certificate_is_refused_by_openssl_and_gnutls(self):
        request = self.dir / "server.csr"
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            self.dir / "server.key", "-subj", "/CN=ignored", "-out", request)
        handed = VAR / "etc" / "server.csr"
        handed.write_bytes(request.read_bytes())
        handed.chmod(0o644)
        answer = carry(asked("cert", "issue", "--csr", handed, "--profile", "tls_server", "--dns",
                             "gate.example.gov.cn"), YI, BING)
        name, serial = re.match(r"(\S+)  ([0-9a-f]+)  ", answer["finished"][0]).groups()
        certificate = PKI / name
        self.assertEqual(self.openssl_verify(certificate).returncode, 0)
        officer("cert", "revoke", serial, "--reason", "superseded")
        refused = self.openssl_verify(certificate)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("certificate revoked", refused.stdout + refused.stderr)
        chain = self.dir / "revoked.pem"
        chain.write_text(certificate.read_text() + (PKI / "issuing.pem").read_text())
        gnutls = run("certtool", "--verify", "--infile", chain, "--load-ca-certificate", PKI / "root.pem", "--load-crl",
                     self.lists(), check=False)
        self.assertIn("revoked", gnutls.stdout + gnutls.stderr)
        ocsp = lambda: (lambda done: done.stdout + done.stderr)(run(
            "openssl", "ocsp", "-issuer", PKI / "issuing.pem", "-CAfile", PKI / "root.pem", "-verify_other",
            PKI / "issuing.pem", "-url", f"{ISSUER}/v1/pki/ocsp", "-header", "Host=" + ISSUER.split("://")[1], "-no_nonce",
            "-cert", certificate, check=False))
        text = eventually(lambda: (lambda text: text if ": revoked" in text else None)(ocsp()), 30, "OCSP says revoked")
        self.assertIn("Response verify OK", text)
        self.assertIn("Reason: superseded", text)

    def test_an_sm2_key_is_wrapped_said_to_be_and_certified(self):
        carry(asked("key", "generate", "maker-sm2-1", "--purpose", "seal_maker", "--algorithm", "sm2", "--activate"), JIA,
              YI)
        key = keys()["maker-sm2-1"]
        self.assertEqual((key["algorithm"], key["protection"], key["state"]), ("sm2", "wrapped", "active"))
        self.assertIn("wrapped", officer("key", "attest", "maker-sm2-1").stdout)
        carry(asked("cert", "issue", "maker-sm2-1", "--name", "电子印章制作者（演示）"), JIA, BING)
        # By the SM2 authority; link by link, since openssl takes the user id for one certificate alone.
        for above, below in (("root-sm2", "issuing-sm2"), ("issuing-sm2", "maker-sm2-1")):
            done = run("openssl", "verify", "-x509_strict", "-partial_chain", "-vfyopt", "distid:1234567812345678",
                       "-CAfile", PKI / f"{above}.pem", PKI / f"{below}.pem", check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("SM2", run("openssl", "x509", "-in", PKI / "maker-sm2-1.pem", "-noout", "-text").stdout)

    # ---- a seal key's life ------------------------------------------------------------------------------

    def rotate(self, old: str) -> str:
        request = asked("key", "rotate", old, "--activate")
        carry(request, JIA, YI)
        new = f"seal-{int(old.split('-')[1]) + 1}"
        self.assertEqual(keys()[new]["state"], "active")
        carry(asked("cert", "issue", new), YI, BING)
        self.assertTrue((PKI / f"{new}.pem").exists())
        publish(JIA, BING)
        return new

    def is_sealed_with(self, file: Path, label: str) -> bool:
        """Its CMS carries the certificate, as DER in hexadecimal digits."""
        done = subprocess.run(["openssl", "x509", "-in", PKI / f"{label}.pem", "-outform", "DER"], capture_output=True,
                              check=True)
        return done.stdout.hex() in file.read_bytes().decode("latin-1").lower()

    def in_use(self, label: str) -> Path:
        """A document sealed with the key, once the service has taken it up."""
        def attempt():
            status, _, body = start_issuing(self.token)
            if status not in (200, 201):
                return None
            file = self.dir / f"{label}.pdf"
            file.write_bytes(fetch(self.token, json.loads(body)["id"]))
            return file if self.is_sealed_with(file, label) else None
        return eventually(attempt, 60, f"documents are sealed with {label}")

    def test_the_seal_key_is_rotated_and_its_successor_declared_compromised(self):
        first = self.sealed("first")
        self.assert_genuine(first)
        new = self.rotate("seal-1")
        second = self.in_use(new)
        for file in (first, second):
            self.assert_genuine(file)
        carry(asked("key", "deactivate", "seal-1"), JIA, YI)
        self.assert_genuine(first)

        # The thief had it from `since` on: what was sealed before stays good, what came later falls.
        since = int(time.time()) + 1
        eventually(lambda: time.time() > since, what="the next second")
        stolen = self.sealed("stolen")
        self.assert_genuine(stolen)
        old_list = self.dir / "old-list.jws"
        old_list.write_bytes(Path(TRY["trust_list"]).read_bytes())
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
        answer = carry(asked("key", "compromise", new, "--since", moment), YI, BING)
        self.assertEqual(keys()[new]["state"], "compromised")
        self.assertNotIn(start_issuing(self.token)[0], (200, 201), "use stops at once")
        self.assertNotEqual(self.openssl_verify(PKI / f"{new}.pem").returncode, 0)
        carry(answer["next"], JIA, BING)
        for file in (first, second):
            self.assert_genuine_offline(file)
        code, verdict = judge(stolen)
        self.assertEqual(code, NOT_GENUINE, verdict)
        seal = verdict["seals"][0]
        self.assertEqual((seal["in_force"], seal["compromised_since"], seal["reasons"]),
                         ("no", moment, ["certs.compromised"]), verdict)
        before = run(BIN / "xinyin-verify", stolen, "--trust", old_list, "--no-state", "--json", check=False)
        self.assertEqual(before.returncode, GENUINE, "it is the new list that makes the difference")
        third = self.rotate(new)
        self.assert_genuine(self.in_use(third))
        self.assertEqual(officer("key", "resume", new, check=False).returncode, CONFLICT, "for ever")

    def assert_genuine_offline(self, file: Path) -> None:
        code, answer = judge(file)
        self.assertEqual((code, answer["outcome"]), (GENUINE, "genuine"), answer)

    # ---- evidence -----------------------------------------------------------------------------------------

    # ---- a token key's life -----------------------------------------------------------------------------

    def test_token_keys_follow_each_other_and_no_client_notices(self):
        carry(asked("key", "generate", "openid-rsa-1", "--purpose", "openid", "--algorithm", "rsa_3072", "--activate"), JIA, YI)
        carry(asked("cert", "issue", "openid-rsa-1", "--name", "信印演示登录令牌（RS256）"), YI, BING)
        carry(asked("key", "rotate", "openid-1", "--activate"), JIA, YI)
        carry(asked("cert", "issue", "openid-2"), YI, BING)
        publish(JIA, BING)
        jwks = lambda: json.loads(run("/usr/bin/curl", "--silent", "--fail", f"{ISSUER}/oauth/jwks").stdout)["keys"]
        eventually(lambda: sorted(key["alg"] for key in jwks()) == ["ES256", "ES256", "RS256"], 60,
                   "the next key and the RSA key are published")
        run("/usr/bin/node", Path(__file__).with_name("openid_rotation.mjs"))

    def test_the_ceremony_run_again_on_the_running_system_keeps_everything(self):
        before = {path.name: path.read_bytes() for path in PKI.iterdir() if path.is_file()}
        lines = len(ledger())
        done = officer("ceremony", "run", self.plan(), "--card", JIA)
        self.assertNotIn("issued", done.stderr)
        self.assertEqual({path.name: path.read_bytes() for path in PKI.iterdir() if path.is_file()}, before)
        self.assertEqual(len(ledger()), lines)
        self.assertEqual(said("ceremony", "verify")[1]["signed_by"], ["jia", "yi", "bing"])

    def test_a_ceremony_is_rehearsed_beside_the_running_one(self):
        plan = self.plan()
        before = {path.name: path.read_bytes() for path in PKI.rglob("*") if path.is_file()}
        lines, trail = len(ledger()), sql("select count(*) from certs.issued")
        kept = self.folder_of_the_stack() / "rehearsed.jsonl"
        places = set(Path("/tmp").glob("xinyin-rehearsal-*"))
        code, answer = said("ceremony", "rehearse", plan, "--keep-minutes", kept)
        self.assertEqual(code, DONE, answer)
        self.assertTrue(answer["rehearsal"])
        self.assertEqual(set(Path("/tmp").glob("xinyin-rehearsal-*")), places, "left behind")
        self.assertEqual({path.name: path.read_bytes() for path in PKI.rglob("*") if path.is_file()}, before)
        self.assertEqual((len(ledger()), sql("select count(*) from certs.issued")), (lines, trail))
        for words in (("ceremony", "verify", kept), ("audit", "verify", "--minutes", kept)):
            judged = officer(*words, check=False)
            self.assertEqual(judged.returncode, 11, judged.stdout)
            self.assertIn("演练", judged.stdout)

    def test_a_deviation_is_signed_with_the_rest(self):
        plan = self.plan()
        officer("ceremony", "note", "--step", "keys", "--happened", "读卡器更换", "--why", "原读卡器不识别卡", "--by", "bing")
        self.assertEqual(officer("ceremony", "verify", check=False).returncode, 11, "signed by nobody yet")
        officer("ceremony", "run", plan, "--card", JIA, "--card", YI, "--card", BING)
        code, minutes = said("ceremony", "verify")
        self.assertEqual((code, minutes["deviations"][-1]["happened"]), (DONE, "读卡器更换"))
        self.assertEqual(minutes["signed_by"], ["jia", "yi", "bing"])
        self.assertTrue(officer("ceremony", "verify").stdout.startswith("偏差 deviation"))

    def test_what_the_signer_looks_at_now_and_then_is_there(self):
        """The token's files may not be written: SoftHSM complains of that, and nothing is wrong."""
        lines = [json.loads(line) for line in (VAR / "log" / "xinyin-signer.log").read_text().splitlines()]
        token = [line for line in lines if line["event"] == "token"]
        self.assertTrue(token)
        self.assertEqual([line for line in token if line["state"] != "up"], [])

    def test_no_pin_stands_in_logs_or_in_the_ledger(self):
        pins = [path.read_text().strip() for path in Path(JIA).parent.glob("*.pin")]
        self.assertTrue(pins)
        for file in [LEDGER, *(VAR / "log").glob("*.log"), *(PKI / "ceremony").iterdir()]:
            text = file.read_bytes()
            for pin in pins:
                self.assertNotIn(pin.encode(), text, file)


if __name__ == "__main__":
    main()
