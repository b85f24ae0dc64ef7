"""A sealed certificate as poppler, qpdf and zbar see it, and as our offline verifier judges it."""

import json
import random
import re
import tempfile
from pathlib import Path

from journey import BIN, ISSUER, OUT, TRY, Journey, ask, ask_json, code_of, main, run

SAMPLE = Path(TRY["sample_pdf"])
TRUST = Path(TRY["trust_list"])
GENUINE, NOT_GENUINE, UNDECIDED = 0, 1, 2


def judge(file: Path):
    """Exit code and JSON answer of xinyin-verify."""
    done = run(BIN / "xinyin-verify", file, "--trust", TRUST, "--no-state", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def increment(pdf: bytes, number: int, body: bytes) -> bytes:
    """`pdf` with object `number` replaced by an incremental update, as an editor would save it."""
    start = int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])
    size = int(re.findall(rb"/Size (\d+)", pdf)[-1])
    root = re.findall(rb"/Root (\d+ \d+ R)", pdf)[-1]
    out = pdf + (b"" if pdf.endswith(b"\n") else b"\n")
    at = len(out)
    out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \n%d 1\n%010d 00000 n \n" % (number, at)
    out += b"trailer\n<< /Size %d /Root %s /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (size, root, start, table)
    return out


class PdfJourney(Journey):
    @classmethod
    def setUpClass(cls):
        cls.pdf = SAMPLE.read_bytes()
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = Path(cls.folder.name)
        cls.nss = cls.dir / "nss"
        cls.nss.mkdir()
        run("certutil", "-N", "-d", f"sql:{cls.nss}", "--empty-password")
        run("certutil", "-A", "-d", f"sql:{cls.nss}", "-n", "root", "-t", "CT,C,C", "-i", TRY["root_certificate"])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def pdfsig(self, file: Path) -> str:
        return run("pdfsig", "-nssdir", str(self.nss), file, check=False).stdout

    def save(self, data: bytes) -> Path:
        file = self.dir / "case.pdf"
        file.write_bytes(data)
        return file

    def test_poppler_calls_it_valid_trusted_and_whole(self):
        said = self.pdfsig(SAMPLE)
        self.assertIn("Signature Validation: Signature is Valid.", said)
        self.assertIn("Certificate Validation: Certificate is Trusted.", said)
        self.assertIn("Total document signed", said)
        self.assertNotIn("Not total document signed", said)

    def test_without_the_root_poppler_does_not_trust_it(self):
        empty = self.dir / "empty"
        empty.mkdir()
        run("certutil", "-N", "-d", f"sql:{empty}", "--empty-password")
        self.assertNotIn("Certificate is Trusted", run("pdfsig", "-nssdir", str(empty), SAMPLE, check=False).stdout)

    def test_qpdf_finds_nothing_wrong(self):
        said = run("qpdf", "--check", SAMPLE).stdout
        self.assertIn("No syntax or stream encoding errors found", said)

    def test_the_name_can_be_read_out(self):
        said = run("pdftotext", "-layout", SAMPLE, "-").stdout
        self.assertIn(TRY["name"], said)
        self.assertIn(code_of(TRY["sample_code"]), code_of(said.replace(" ", "")))

    def test_fonts_are_embedded_subsets(self):
        rows = run("pdffonts", SAMPLE).stdout.splitlines()[2:]
        self.assertTrue(rows)
        for row in rows:
            embedded, subset = re.search(r"(yes|no) +(yes|no) +(?:yes|no) +\d+ +\d+$", row).groups()
            self.assertEqual((embedded, subset), ("yes", "yes"), row)

    def test_the_qr_is_read_at_150_dpi_and_leads_to_the_verdict(self):
        for old in OUT.glob("sample-*.png"):
            old.unlink()
        run("pdftoppm", "-r", "150", "-png", SAMPLE, OUT / "sample")
        read = [run("zbarimg", "--quiet", "--raw", picture, check=False).stdout.strip()
                for picture in sorted(OUT.glob("sample-*.png"))]
        self.assertEqual(len({text for text in read if text}), 1, "one document, one address")
        address = read[0]
        self.assertEqual(address, TRY["sample_verify_address"])
        self.assertEqual(address, f"{ISSUER}/v/{code_of(TRY['sample_code'])}")
        status, _, page = ask("GET", address)
        self.assertEqual(status, 200)
        self.assertIn("参保证明", page.decode())
        self.assertNotIn(TRY["name"], page.decode())

    def test_the_offline_verifier_calls_it_genuine(self):
        code, said = judge(SAMPLE)
        self.assertEqual((code, said["outcome"]), (GENUINE, "genuine"), said)
        seal = said["seals"][0]
        self.assertEqual((seal["intact"], seal["genuine"], seal["in_force"]), ("yes", "yes", "yes"))
        self.assertTrue(seal["time_attested"])
        self.assertTrue(seal["whole_document"])

    def test_the_verifier_opens_no_network_and_links_nothing_that_signs(self):
        linked = run("ldd", BIN / "xinyin-verify").stdout
        for name in ("libpq", "libPoco", "libp11", "softhsm"):
            self.assertNotIn(name, linked)

    def test_any_flipped_byte_in_the_signed_range_is_refused(self):
        first, length, second, rest = map(int, re.search(
            rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", self.pdf).groups())
        self.assertEqual((first, second + rest), (0, len(self.pdf)))
        chance = random.Random(20260701)
        places = ([8, length - 1, second, second + rest - 1, self.pdf.find(b"/ByteRange") + 14,
                   self.pdf.rfind(b"startxref") + 10, self.pdf.rfind(b"%%EOF")]
                  + [chance.choice((chance.randrange(0, length), chance.randrange(second, second + rest)))
                     for _ in range(120)])
        for number, place in enumerate(places):
            broken = bytearray(self.pdf)
            broken[place] ^= 1 << chance.randrange(8)
            file = self.save(bytes(broken))
            code, said = judge(file)
            self.assertNotEqual(code, GENUINE, f"byte {place}: {said}")
            if number < 25:
                self.assertNotRegex(self.pdfsig(file), r"(?s)Signature is Valid.*Certificate is Trusted", f"byte {place}")

    def test_a_flipped_byte_in_the_signature_itself_is_refused(self):
        at = self.pdf.index(b"/Contents<" if b"/Contents<" in self.pdf else b"/Contents <")
        start = self.pdf.index(b"<", at) + 1
        for offset in (40, 200, 700, 1500):
            broken = bytearray(self.pdf)
            broken[start + offset] = ord("0") if broken[start + offset] != ord("0") else ord("1")
            self.assertNotEqual(judge(self.save(bytes(broken)))[0], GENUINE, offset)

    def test_an_incremental_update_after_sealing_is_altered(self):
        page = run("qpdf", "--show-pages", SAMPLE).stdout
        content = int(re.search(r"content:\s+(\d+) 0 R", page).group(1))
        stream = b"BT /F1 24 Tf 100 500 Td (100000) Tj ET"
        edited = increment(self.pdf, content, b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        file = self.save(edited)
        self.assertIn("Not total document signed", self.pdfsig(file))
        code, said = judge(file)
        self.assertEqual((code, said["outcome"]), (NOT_GENUINE, "altered"), said)

    def test_bytes_behind_the_end_are_altered(self):
        code, said = judge(self.save(self.pdf + b"\n% one more line\n"))
        self.assertEqual(code, NOT_GENUINE, said)

    def test_a_pdf_without_a_seal_is_unsealed_not_forged(self):
        plain = self.dir / "plain.pdf"
        run("qpdf", "--empty", plain)
        code, said = judge(plain)
        self.assertEqual(said["outcome"], "unsealed", said)
        self.assertNotEqual(code, GENUINE)

    def test_garbage_is_refused_without_a_crash(self):
        for data in (b"", b"%PDF-", b"\0" * 1000, b"%PDF-1.7\n" + bytes(range(256)) * 40, self.pdf[:-2000],
                     self.pdf[: len(self.pdf) // 2]):
            code, _ = judge(self.save(data))
            self.assertIn(code, (NOT_GENUINE, UNDECIDED))

    def test_a_missing_or_foreign_trust_list_cannot_judge(self):
        done = run(BIN / "xinyin-verify", SAMPLE, "--trust", self.dir / "none", "--no-state", "--json", check=False)
        self.assertEqual(done.returncode, UNDECIDED)
        forged = self.dir / "forged.jws"
        head, body, signature = TRUST.read_text().strip().split(".")
        forged.write_text(f"{head}.{body[:-6]}AAAA{body[-2:]}.{signature}")
        self.assertEqual(run(BIN / "xinyin-verify", SAMPLE, "--trust", forged, "--no-state", "--json", check=False).returncode, UNDECIDED)

    def test_the_upload_says_the_same(self):
        status, said = ask_json("POST", "/v1/verify/file", self.pdf, Content_Type="application/pdf")
        self.assertEqual((status, said["outcome"]), (200, "genuine"), said)
        broken = bytearray(self.pdf)
        broken[len(broken) // 3] ^= 1
        status, said = ask_json("POST", "/v1/verify/file", bytes(broken), Content_Type="application/pdf")
        self.assertEqual(status, 200)
        self.assertNotEqual(said["outcome"], "genuine")


if __name__ == "__main__":
    main()
