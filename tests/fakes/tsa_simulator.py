"""A simulator of somebody else's time-stamp authority: `openssl ts -reply` behind a small HTTP server.

    tsa_simulator.py DIRECTORY

Makes a root and a signer there (root.pem, other-root.pem), prints its port, and serves until its standard input
ends. What it does depends on the path:

    /tsa      stamps                        /error    status 500
    /tsa2     stamps by another authority   /html     an HTML page
    /replay   the first stamp it ever gave  /garbage  octets that are no answer, under the right type
    /drip     one octet each tenth of a second
    /silent   never answers
    /short    less than it promised
"""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {directory}/serial
signer_cert = {directory}/{name}.pem
signer_key = {directory}/{name}.key
certs = {directory}/{name}.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.2
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
EXTENSIONS = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def make_authority(directory: Path, root: str, name: str):
    path = lambda file: str(directory / file)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", "req", "-x509", *curve, "-keyout", path(f"{root}.key"), "-out", path(f"{root}.pem"), "-days", "30",
        "-subj", f"/CN=Simulated {root}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", "-new", *curve, "-keyout", path(f"{name}.key"), "-out", path(f"{name}.csr"),
        "-subj", f"/CN=Simulated {name}")
    (directory / "extensions").write_text(EXTENSIONS)
    run("openssl", "x509", "-req", "-in", path(f"{name}.csr"), "-CA", path(f"{root}.pem"), "-CAkey", path(f"{root}.key"),
        "-CAcreateserial", "-days", "20", "-extfile", path("extensions"), "-out", path(f"{name}.pem"))
    (directory / f"{name}.cnf").write_text(CONFIG.format(directory=directory, name=name))
    (directory / "serial").write_text("01\n")


class Simulator(BaseHTTPRequestHandler):
    directory: Path
    first = None
    lock = threading.Lock()

    def stamp(self, query: bytes, name: str) -> bytes:
        with self.lock:
            (self.directory / "query").write_bytes(query)
            run("openssl", "ts", "-reply", "-config", str(self.directory / f"{name}.cnf"), "-queryfile",
                str(self.directory / "query"), "-out", str(self.directory / "reply"))
            return (self.directory / "reply").read_bytes()

    def answer(self, body: bytes, status=200, kind="application/timestamp-reply", promised=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(promised or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/timestamp-query":
            return self.answer(b"", 415)
        if self.path == "/error":
            return self.answer(b"no", 500)
        if self.path == "/html":
            return self.answer(b"<p>log in first", kind="text/html")
        if self.path == "/garbage":
            return self.answer(b"0\x03\x02\x01\x00")
        if self.path == "/silent":
            time.sleep(60)
            return None
        if self.path == "/drip":
            try:
                for octet in b"HTTP/1.0 200 OK\r\n" * 100:
                    self.wfile.write(bytes([octet]))
                    time.sleep(0.1)
            except BrokenPipeError:  # the client had enough, as it should
                pass
            return None
        reply = self.stamp(query, "other-tsa" if self.path == "/tsa2" else "tsa")
        if self.path == "/short":
            return self.answer(reply[:-1], promised=len(reply))
        if Simulator.first is None:
            Simulator.first = reply
        return self.answer(Simulator.first if self.path == "/replay" else reply)

    def log_message(self, *_):
        pass


def main():
    Simulator.directory = Path(sys.argv[1])
    make_authority(Simulator.directory, "root", "tsa")
    make_authority(Simulator.directory, "other-root", "other-tsa")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Simulator)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
