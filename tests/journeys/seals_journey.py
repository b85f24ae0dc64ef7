"""Seals at work: both formats from one path, batches through kills, remote sealing, and a stop that bites at once.

LD/T 01-2020 5.3.4, 5.4.2.4; judged by openssl, by a reading of OFD that is not ours, and by what the database holds.
"""

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import uuid
import xml.etree.ElementTree as tree
import zipfile
from pathlib import Path

import restart_journey
from documents_journey import core_token, issue, stated
from journey import BIN, TRY, VAR, Journey, ask, ask_json, as_stack, eventually, fetch, log_in, main, officer, ready, run, sql

TRUST = Path(TRY["trust_list"])
SEED = json.loads((VAR / "demo/seed.json").read_text())
SEAL = "11000000000001"
OFD = "{http://www.ofdspec.org/2016}"
SHA256, ECDSA = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class SealsJourney(Journey):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = Path(cls.folder.name)
        os.chmod(cls.dir, 0o755)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def staff(self, who: str, *arguments, check: bool = True) -> dict:
        """xinyin seal … by a member of staff."""
        secret = VAR / "demo" / f"{who}.password"
        secret.write_text(SEED[who]["password"])
        owner = VAR.stat()
        os.chmod(secret, 0o600)
        if os.geteuid() == 0:
            os.chown(secret, owner.st_uid, owner.st_gid)
        try:
            done = officer("--json", "seal", *arguments, "--as", SEED[who]["username"], "--password-file", secret, check=check)
        finally:
            secret.unlink()
        return json.loads(done.stdout)

    def sm3(self, data: bytes) -> bytes:
        file = self.dir / "sm3.bin"
        file.write_bytes(data)
        return bytes.fromhex(run("openssl", "dgst", "-sm3", "-r", file).stdout.split()[0])

    def test_ofd_and_pdf_leave_by_one_path(self):
        token = log_in()
        status, made = issue(token, "enrolment-certificate", {"format": "ofd"})
        self.assertEqual(status, 201, made)
        self.assertEqual(made["media_type"], "application/ofd")
        file = self.dir / "certificate.ofd"
        file.write_bytes(fetch(token, made["id"]))
        said = json.loads(run(BIN / "xinyin-verify", file, "--trust", TRUST, "--no-state", "--json").stdout)
        self.assertEqual((said["outcome"], said["kind"]), ("genuine", "ofd"))
        self.assertTrue(all(step["answer"] == "yes" for step in said["seals"][0]["steps"] if not step.get("reason")))
        # Every digest of the list again, by programs of others, and the seal signature's own.
        with zipfile.ZipFile(file) as package:
            names = package.namelist()
            signature = package.read("Doc_0/Signs/Sign_0/Signature.xml")
            listed = {}
            for reference in tree.fromstring(signature).iter(f"{OFD}Reference"):
                name = reference.get("FileRef").lstrip("/")
                listed[name] = base64.b64decode(reference.find(f"{OFD}CheckValue").text)
            for name, digest in listed.items():
                self.assertEqual(self.sm3(package.read(name)), digest, name)
            self.assertEqual(set(names) - set(listed), {"Doc_0/Signs/Sign_0/Signature.xml", "Doc_0/Signs/Sign_0/SignedValue.dat"})
            self.assertIn(self.sm3(signature), package.read("Doc_0/Signs/Sign_0/SignedValue.dat"))
            text = "".join(one.text or "" for name in names if name.endswith("Content.xml")
                           for one in tree.fromstring(package.read(name)).iter(f"{OFD}TextCode"))
        self.assertIn(TRY["name"], text)
        status, verdict = ask_json("GET", "/v1/verify/" + made["code"])
        self.assertEqual((status, verdict["state"]), (200, "in_force"))
        # One octet of a page, and it is altered.
        broken = self.dir / "broken.ofd"
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(broken, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                data = old.read(name)
                new.writestr(name, data.replace("参保".encode(), "停保".encode(), 1) if name.endswith("Content.xml") else data)
        said = run(BIN / "xinyin-verify", broken, "--trust", TRUST, "--no-state", "--json", check=False)
        self.assertIn(json.loads(said.stdout)["outcome"], ("altered", "malformed"))

    def test_a_batch_survives_kills_and_makes_each_document_once(self):
        count = 60
        lines = self.dir / "notices.jsonl"
        facts = stated("acceptance-notice")["facts"]
        with lines.open("w") as out:
            for n in range(count):
                facts["application_no"] = f"{n:014d}"
                out.write(json.dumps({"kind": "acceptance-notice", "subject": {"id_number": TRY["id_number"]},
                                      "facts": facts}, ensure_ascii=False) + "\n")
            out.write(json.dumps({"kind": "acceptance-notice", "subject": {"id_number": TRY["id_number"]},
                                  "facts": {"application_no": "x"}}, ensure_ascii=False) + "\n")
        secret = self.dir / "core.secret"
        secret.write_text(TRY["core_client_secret"])
        secret.chmod(0o600)
        command = [BIN / "xinyin", "--config", self.dir / "none.conf", "--json", "seal", "batch", lines, self.dir / "notices",
                   "--url", TRY["issuer"], "--client", TRY["core_client_id"], "--secret-file", secret]
        (self.dir / "none.conf").write_text("")
        before = int(sql("select count(*) from seal.document")[0][0])
        stopped = threading.Event()

        def killing():
            for _ in range(4):
                seen = int(sql("select count(*) from seal.document")[0][0])
                eventually(lambda: stopped.is_set() or int(sql("select count(*) from seal.document")[0][0]) > seen + 4, 120,
                           "the batch goes on")
                if stopped.is_set():
                    return
                for pid in restart_journey.processes("xinyind"):
                    os.kill(pid, signal.SIGKILL)
                eventually(ready, 30, "ready after a kill")

        killer = threading.Thread(target=killing)
        killer.start()
        try:
            for _ in range(6):  # the command may lose its service for longer than it waits: it goes on where it was
                done = run(*command, check=False)
                if json.loads(done.stdout)["data"]:
                    break
        finally:
            stopped.set()
            killer.join()
        said = json.loads(done.stdout)["data"]
        self.assertIsNotNone(said, done.stdout)
        self.assertEqual((said["state"], said["total"], said["done"], said["failed"]), ("done", count + 1, count + 1, 1), done.stderr)
        results = [json.loads(line) for line in (self.dir / "notices/results.jsonl").read_text().splitlines()]
        self.assertEqual([one["line"] for one in results], list(range(1, count + 2)))
        self.assertEqual(results[-1]["error"], "seal.facts")
        made = [one["document"] for one in results[:-1]]
        self.assertEqual(len(set(made)), count)
        # Files, register, trail and documents say the same.
        self.assertEqual(int(sql("select count(*) from seal.document")[0][0]), before + count)
        listed = ",".join(f"'{one}'" for one in made)
        rows = dict(sql(f"select id, encode(file_sha256, 'hex') from verify.document where id in ({listed})"))
        files = {re.fullmatch(r"\d{7}-(.*)\.pdf", one.name)[1]: hashlib.sha256(one.read_bytes()).hexdigest()
                 for one in (self.dir / "notices").glob("*.pdf")}
        self.assertEqual(files, rows)
        self.assertEqual(sql(f"select count(*), count(distinct object) from audit.entry where act = 'document.issue' and object in ({listed})"),
                         [[str(count), str(count)]])
        # The order is the lines': the fifth file is of the fifth case.
        fifth = next((self.dir / "notices").glob("0000005-*.pdf"))
        self.assertIn("00000000000004", run("pdftotext", "-layout", fifth, "-").stdout)
        self.assertEqual(run(*command, check=False).returncode, done.returncode, "again changes nothing")
        self.assertEqual(int(sql("select count(*) from seal.document")[0][0]), before + count)

    def csc(self, path: str, body: dict, token: str):
        return ask_json("POST", f"/csc/v2/{path}", json.dumps(body).encode(), Authorization=f"Bearer {token}", Content_Type="application/json")

    def test_a_system_has_the_digest_of_its_own_document_sealed(self):
        token = core_token("seal.remote")
        status, info = ask_json("POST", "/csc/v2/info", b"{}", Content_Type="application/json")
        self.assertEqual((status, info["specs"]), (200, "2.0.0.2"))
        status, listed = self.csc("credentials/list", {}, token)
        self.assertEqual((status, listed["credentialIDs"]), (200, [SEAL]), listed)
        status, known = self.csc("credentials/info", {"credentialID": SEAL, "certificates": "chain", "certInfo": True}, token)
        self.assertEqual(status, 200, known)
        document = b"a document that never left its system"
        hashes = [b64(hashlib.sha256(document).digest())]
        status, granted = self.csc("credentials/authorize", {"credentialID": SEAL, "numSignatures": 1, "hashes": hashes,
                                                             "hashAlgorithmOID": SHA256}, token)
        self.assertEqual(status, 200, granted)
        wanted = {"credentialID": SEAL, "SAD": granted["SAD"],
                  "documentDigests": [{"hashes": hashes, "hashAlgorithmOID": SHA256, "signAlgo": ECDSA,
                                       "signature_format": "C", "conformance_level": "Ades-B-T"}]}
        status, signed = self.csc("signatures/signDoc", wanted, token)
        self.assertEqual(status, 200, signed)
        (self.dir / "document").write_bytes(document)
        (self.dir / "signature.p7s").write_bytes(base64.b64decode(signed["SignatureObject"][0]))
        judged = run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", self.dir / "signature.p7s", "-content",
                     self.dir / "document", "-CAfile", VAR / "pki/root.pem", "-purpose", "any", "-cades", "-out", os.devnull, check=False)
        self.assertEqual(judged.returncode, 0, judged.stderr)
        status, refused = self.csc("signatures/signDoc", wanted, token)
        self.assertEqual(status, 403, refused)
        uses = sql(f"select client, form, encode(hash, 'hex') from seal.remote_use where hash = '\\x{hashlib.sha256(document).hexdigest()}'")
        self.assertEqual(uses, [["demo-core", "cms", hashlib.sha256(document).hexdigest()]])
        self.assertEqual(self.csc("credentials/list", {}, core_token())[0], 403)
        self.assertEqual(self.csc("credentials/list", {}, log_in())[0], 403)

    def test_one_person_stops_the_seal_and_two_let_it_go_on(self):
        token = log_in()
        status, made = issue(token, "enrolment-certificate", {})
        self.assertEqual(status, 201, made)
        self.staff("staff_a", "suspend", SEAL, "--reason", "演练 drill")
        try:
            status, refused = issue(token, "enrolment-certificate", {})
            self.assertEqual((status, refused["key"]), (503, "seal.not_active"))
            # What it sealed before stays what it was.
            status, verdict = ask_json("GET", "/v1/verify/" + made["code"])
            self.assertEqual((status, verdict["state"]), (200, "in_force"))
        finally:
            request = self.staff("staff_a", "resume", SEAL, "--reason", "演练结束 over")["data"]["request"]
            own = self.staff("staff_a", "approve", request, check=False)
            self.assertEqual(own["error"], "seal.own_request")
            self.staff("staff_b", "approve", request, check=False)
            self.staff("staff_c", "approve", request)
        self.assertEqual(issue(token, "enrolment-certificate", {})[0], 201)
        history = self.staff("staff_b", "show", SEAL)["data"]["history"]
        self.assertEqual([step["act"] for step in history][:3], ["apply", "make", "activate"])
        self.assertEqual([step["act"] for step in history][-2:], ["suspend", "resume"])

    def test_the_picture_of_a_seal_nobody_applied_for(self):
        spec = {"id": "11000000000002", "name": "示范市社会保险经办中心财务专用章", "type": "finance",
                "owner": {"name": "示范市社会保险经办中心", "code": "12100000MB0000000L"},
                "picture": {"shape": "oval", "width_mm": 45, "height_mm": 30, "text": "示范市社会保险经办中心", "caption": "财务专用章"},
                "valid": {"from": "2026-01-01", "until": "2031-12-31"}, "keys": {"pdf": "seal-*"}, "policy": {"kinds": ["*"]}}
        file = self.dir / "spec.json"
        file.write_text(json.dumps(spec, ensure_ascii=False))
        run(BIN / "xinyin", "seal", "picture", file, "--out", self.dir / "seal.svg")
        root = tree.parse(self.dir / "seal.svg").getroot()
        self.assertEqual((root.get("width"), root.get("height")), ("45mm", "30mm"))
        file.write_text(json.dumps({**spec, "id": "11"}, ensure_ascii=False))
        self.assertNotEqual(run(BIN / "xinyin", "seal", "picture", file, "--out", self.dir / "no.svg", check=False).returncode, 0)


if __name__ == "__main__":
    main()
