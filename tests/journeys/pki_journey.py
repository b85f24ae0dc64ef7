"""The certificate authority's services as OpenSSL's programs use them, through HAProxy."""

import tempfile
from pathlib import Path

from journey import ISSUER, VAR, Journey, ask, eventually, main, run, sql

PKI = VAR / "pki"


class PkiJourney(Journey):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = Path(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def ocsp(self, *options) -> str:
        done = run("openssl", "ocsp", "-issuer", PKI / "issuing.pem", "-CAfile", PKI / "root.pem", "-verify_other",
                   PKI / "issuing.pem", *options, check=False)
        return done.stdout + done.stderr

    def test_the_address_in_a_certificate_answers_about_it(self):
        url = run("openssl", "x509", "-in", PKI / "seal-1.pem", "-noout", "-ocsp_uri").stdout.strip()
        self.assertEqual(url, f"{ISSUER}/v1/pki/ocsp")
        # The program leaves the port out of Host by itself, which does where the port is 80.
        url = (url, "-header", "Host=" + ISSUER.split("://")[1])
        for options in (("-nonce",), ("-no_nonce",), ("-no_nonce", "-sha256")):
            said = eventually(lambda o=options: (lambda text: text if "good" in text else None)(
                self.ocsp("-url", *url, *o, "-cert", PKI / "seal-1.pem")), what="an answer")
            self.assertIn("Response verify OK", said)
            self.assertIn("seal-1.pem: good", said)
        said = self.ocsp("-url", *url, "-serial", "0x4711")
        self.assertIn("Response verify OK", said)
        self.assertIn("certificateHold", said)

    def test_answers_lie_ready_for_caches(self):
        eventually(lambda: sql("select count(*) > 1 from certs.ocsp_response") == [["t"]], what="some answers")
        eventually(lambda: sql("select count(*) from certs.issued i left join certs.ocsp_response o "
                               "using (issuer, serial) where i.profile in ('seal', 'openid') and o.serial is null "
                               "and i.issuer in (select issuer from certs.ocsp_response)")
                   == [["0"]], what="the answers")
        request = self.dir / "request"
        run("openssl", "ocsp", "-no_nonce", "-issuer", PKI / "issuing.pem", "-cert", PKI / "seal-1.pem", "-reqout",
            request)
        status, headers, body = ask("POST", "/v1/pki/ocsp", request.read_bytes(),
                                    Content_Type="application/ocsp-request")
        self.assertEqual(status, 200)
        self.assertIn("max-age=", headers["Cache-Control"])
        again = ask("POST", "/v1/pki/ocsp", request.read_bytes(), Content_Type="application/ocsp-request")[2]
        self.assertEqual(again, body)

    def test_a_time_stamp_for_anybody_is_verified_and_recorded(self):
        data, query, reply = self.dir / "data", self.dir / "query", self.dir / "reply"
        data.write_text("任何内容")
        run("openssl", "ts", "-query", "-data", data, "-sha256", "-cert", "-out", query)
        before = int(sql("select count(*) from certs.given_timestamp")[0][0])
        status, _, body = ask("POST", "/v1/pki/tsa", query.read_bytes(), Content_Type="application/timestamp-query")
        self.assertEqual(status, 200, body[:200])
        reply.write_bytes(body)
        said = run("openssl", "ts", "-verify", "-in", reply, "-queryfile", query, "-CAfile", PKI / "root.pem",
                   "-untrusted", PKI / "issuing.pem")
        self.assertIn("Verification: OK", said.stdout + said.stderr)
        self.assertEqual(int(sql("select count(*) from certs.given_timestamp")[0][0]), before + 1)

    def test_operators_see_the_pki_fare_well(self):
        text = ask("GET", f"http://127.0.0.1:{int(ISSUER.rsplit(':', 1)[1]) + 1}/metrics")[2].decode()
        self.assertIn("xinyin_clock_sane 1", text)
        self.assertIn('xinyin_certificate_use_ends_seconds{label="seal-1"}', text)
        self.assertIn('xinyin_pki_findings{severity="alarm"} 0', text)


if __name__ == "__main__":
    main()
