"""A simulator of a certification body of others (认证机构), run by openssl: issues login certificates to whoever
asks, revokes them, and publishes revocation lists as such bodies do (RFC 5280 §4.2.1.13).

    body_simulator.py DIRECTORY [--port P]

Makes root and sub-authority in DIRECTORY when they are not there (root.pem, sub.pem), writes its lists to
DIRECTORY/published, and with --port also DIRECTORY/proposal, from which `xinyin ca propose` takes it in. Without
--port it prints its port and serves until its standard input ends.

    GET  /root.crl /sub.crl     DER, made anew when half their time is over
    GET  /root.pem /sub.pem
    POST /certificates          form: name, number, unit=1 for a unit, csr (PEM, else a key is made): PEM
    POST /revoke                form: certificate (PEM)
    GET  /trouble/…             empty, moved, endless, silent: what a broken server answers
    GET  /health/ready
"""

import argparse
import html
import json
import subprocess
import sys
import threading
import time
import urllib.parse
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, CODE = "演示电子认证公司", "91110000MA0000000A"
LIST_LIFE_S = 48 * 3600
CONFIG = """
[req]
distinguished_name = dn
string_mask = utf8only
utf8 = yes
[dn]
[any]
countryName = optional
organizationName = optional
commonName = supplied
serialNumber = optional
organizationIdentifier = optional
[root]
certificate = root.pem
private_key = root.key
database = root.txt
new_certs_dir = new
default_md = sha256
policy = any
crlnumber = root.number
crl_extensions = crl
rand_serial = yes
unique_subject = no
default_days = 3650
[sub]
certificate = sub.pem
private_key = sub.key
database = sub.txt
new_certs_dir = new
default_md = sha256
policy = any
crlnumber = sub.number
crl_extensions = crl
rand_serial = yes
unique_subject = no
default_days = 365
[crl]
authorityKeyIdentifier = keyid
[root_ext]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[sub_ext]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[login]
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>电子认证机构（模拟）</title><h1>电子认证机构（模拟） Certification body (simulator)</h1>
<p>为演示签发登录证书，不核实任何信息。Issues login certificates for the demonstration; nothing is checked.</p>
<form method="post" action="/certificates">
<p><label>姓名或单位名称 Name <input name="name" required></label></p>
<p><label>证件号码或统一社会信用代码 Number <input name="number" required></label></p>
<p><label><input type="checkbox" name="unit" value="1"> 单位 Unit</label></p>
<button>签发 Issue</button></form>"""


class Body:
    def __init__(self, directory: Path):
        self.directory = directory
        self.lock = threading.Lock()  # openssl ca keeps its register in files
        self.published = directory / "published"
        self.published.mkdir(parents=True, exist_ok=True)
        if not (directory / "sub.pem").exists():
            self._make()
        self.publish()

    def openssl(self, *arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], cwd=self.directory, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise ValueError(done.stderr)
        return done.stdout

    def _make(self) -> None:
        (self.directory / "new").mkdir(exist_ok=True)
        (self.directory / "ca.cnf").write_text(CONFIG)
        for name in ("root", "sub"):
            (self.directory / f"{name}.txt").write_text("")
            (self.directory / f"{name}.number").write_text("01\n")
        for name, more in (("root", ["-selfsign"]), ("sub", [])):
            self.openssl("req", "-config", "ca.cnf", "-utf8", "-new", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:P-384", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                         f"/C=CN/O={NAME}/CN={NAME} {name}")
            self.openssl("ca", "-batch", "-config", "ca.cnf", "-name", "root", "-utf8", "-notext", "-extensions",
                         f"{name}_ext", *more, "-in", f"{name}.csr", "-out", f"{name}.new")
            (self.directory / f"{name}.new").rename(self.directory / f"{name}.pem")

    def publish(self) -> None:
        for name in ("root", "sub"):
            self.openssl("ca", "-config", "ca.cnf", "-name", name, "-gencrl", "-crlsec", str(LIST_LIFE_S), "-out",
                         f"{name}.crl.pem")
            self.openssl("crl", "-in", f"{name}.crl.pem", "-outform", "DER", "-out", f"{name}.crl.new")
            (self.directory / f"{name}.crl.new").rename(self.published / f"{name}.crl")

    def keep_publishing(self) -> None:
        while True:
            time.sleep(600)
            with self.lock:
                if time.time() - (self.published / "sub.crl").stat().st_mtime > LIST_LIFE_S / 2:
                    self.publish()

    def issue(self, name: str, number: str, unit: bool, csr: str | None) -> str:
        for value in (name, number):
            if not value or len(value) > 60 or any(c in "/+=\\" or ord(c) < 32 for c in value):
                raise ValueError("name and number: short, one line, without / + = \\")
        subject = (f"/C=CN/O={name}/CN={name}/organizationIdentifier={number}" if unit
                   else f"/C=CN/CN={name}/serialNumber={number}")
        with self.lock:
            if csr is None:
                self.openssl("req", "-config", "ca.cnf", "-utf8", "-new", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:P-256", "-nodes", "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", subject)
            else:
                (self.directory / "leaf.csr").write_text(csr)
            self.openssl("ca", "-batch", "-config", "ca.cnf", "-name", "sub", "-utf8", "-notext", "-extensions", "login",
                         "-subj", subject, "-in", "leaf.csr", "-out", "leaf.pem")
            parts = ["leaf.pem", *(["leaf.key"] if csr is None else []), "sub.pem"]
            return "".join((self.directory / part).read_text() for part in parts)

    def revoke(self, certificate: str) -> None:
        with self.lock:
            (self.directory / "revoked.pem").write_text(certificate)
            self.openssl("ca", "-config", "ca.cnf", "-name", "sub", "-revoke", "revoked.pem")
            self.publish()

    def propose(self, address: str) -> None:
        """What an agency gets of a body before it admits it (docs/operations.md)."""
        at = self.directory / "proposal"
        if at.exists():
            return
        fresh = self.directory / "proposal.new"
        fresh.mkdir(exist_ok=True)
        (fresh / "login.pem").write_text(self.issue("验收测试", "ACCEPTANCE-1", False, None).split("-----BEGIN PRIV")[0])
        for name in ("root", "sub"):
            (fresh / f"{name}.pem").write_bytes((self.directory / f"{name}.pem").read_bytes())
            (fresh / f"{name}.crl").write_bytes((self.published / f"{name}.crl").read_bytes())
        for paper in ("licence", "qualification", "liability", "acceptance"):
            (fresh / f"{paper}.txt").write_text(f"演示：{NAME} {paper}\n")
        until = (datetime.now(timezone.utc) + timedelta(days=700)).strftime("%Y-%m-%dT00:00:00Z")
        (fresh / "proposal.json").write_text(json.dumps({
            "version": 1, "name": NAME, "code": CODE, "contact": "演示 13800138000",
            "licence": {"number": "ECP-DEMO", "issuer": "演示", "from": "2024-01-01T00:00:00Z", "until": until,
                        "file": "licence.txt"},
            "qualification": {"name": "演示", "until": until, "file": "qualification.txt"},
            "liability": {"file": "liability.txt"}, "acceptance": {"file": "acceptance.txt"},
            "uses": ["login"], "policies": [], "permitted": ["directory:/C=CN"], "excluded": [],
            "crl_urls": [f"{address}/root.crl", f"{address}/sub.crl"], "ocsp_urls": [],
            "anchors": ["root.pem", "sub.pem"], "samples": ["login.pem"], "crls": ["root.crl", "sub.crl"]},
            ensure_ascii=False, indent=1) + "\n")
        fresh.rename(at)


class Handler(BaseHTTPRequestHandler):
    body: Body

    def do_GET(self) -> None:
        lists = {"/root.crl": "root.crl", "/sub.crl": "sub.crl"}
        if self.path in lists:
            self.answer(200, "application/pkix-crl", (self.body.published / lists[self.path]).read_bytes())
        elif self.path in ("/root.pem", "/sub.pem"):
            self.answer(200, "application/x-pem-file", (self.body.directory / self.path[1:]).read_bytes())
        elif self.path == "/":
            self.answer(200, "text/html; charset=utf-8", PAGE.encode())
        elif self.path == "/health/ready":
            self.answer(200, "text/plain", b"ok\n")
        elif self.path == "/trouble/empty":
            self.answer(200, "application/pkix-crl", b"")
        elif self.path == "/trouble/moved":
            self.answer(302, "text/plain", b"", Location="/sub.crl")
        elif self.path == "/trouble/endless":
            self.answer(200, "application/pkix-crl", b"0", Content_Length=str(1 << 30))
        elif self.path == "/trouble/silent":
            threading.Event().wait()
        else:
            self.answer(404, "text/plain", b"nothing here\n")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if length > 65536:
            return self.answer(413, "text/plain", b"too long\n")
        form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        try:
            if self.path == "/certificates":
                made = self.body.issue(form.get("name", ""), form.get("number", ""), form.get("unit") == "1", form.get("csr"))
                return self.answer(200, "application/x-pem-file", made.encode(),
                                   Content_Disposition='attachment; filename="certificate.pem"')
            if self.path == "/revoke":
                self.body.revoke(form.get("certificate", ""))
                return self.answer(200, "text/plain", b"revoked\n")
        except ValueError as wrong:
            return self.answer(400, "text/plain; charset=utf-8", html.escape(str(wrong)).encode())
        return self.answer(404, "text/plain", b"nothing here\n")

    def answer(self, status: int, media_type: str, content: bytes, **fields: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        for name, value in {"Content_Length": str(len(content)), **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    Handler.body = Body(options.directory)
    server = ThreadingHTTPServer(("127.0.0.1", options.port or 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=Handler.body.keep_publishing, daemon=True).start()
    if options.port:
        Handler.body.propose(f"http://127.0.0.1:{options.port}")
        server.serve_forever()
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
