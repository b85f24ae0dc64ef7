"""A simulator of a portal's back-channel logout address, over HTTPS and plain HTTP.

    portal_logout_simulator.py DIRECTORY

Makes a root there (root.pem) and certificates for rp.example, prints its two ports (TLS, plain), and serves until its
standard input ends. What it was sent stands in DIRECTORY/received, one line each. What it does depends on the path:

    /out      status 200                    /silent   never answers
    /refuse   status 400                    /drip     one octet each tenth of a second
    /away     a redirect to /out            /garbage  octets that are no HTTP
    /huge     200 and very much of it
"""

import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def make_certificates(directory: Path):
    path = lambda file: str(directory / file)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", "req", "-x509", *curve, "-keyout", path("root.key"), "-out", path("root.pem"), "-days", "30",
        "-subj", "/CN=Simulated root", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", "-new", *curve, "-keyout", path("rp.key"), "-out", path("rp.csr"), "-subj", "/CN=portal")
    (directory / "extensions").write_text("subjectAltName = DNS:rp.example\nextendedKeyUsage = serverAuth\n")
    run("openssl", "x509", "-req", "-in", path("rp.csr"), "-CA", path("root.pem"), "-CAkey", path("root.key"),
        "-CAcreateserial", "-days", "20", "-extfile", path("extensions"), "-out", path("rp.pem"))


class Simulator(BaseHTTPRequestHandler):
    directory: Path

    def answer(self, status, body=b"", **more):
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(self.directory / "received", "a") as out:
            print(self.path, self.headers["Host"], self.headers["Content-Type"], form, file=out)
        try:
            self.behave()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):  # the sender had enough
            pass

    def behave(self):
        if self.path == "/silent":
            time.sleep(60)
        elif self.path == "/drip":
            for octet in b"HTTP/1.0 200 OK\r\n" * 100:
                self.wfile.write(bytes([octet]))
                self.wfile.flush()
                time.sleep(0.1)
        elif self.path == "/garbage":
            self.wfile.write(b"\x00\x01 no HTTP\r\n")
        elif self.path == "/refuse":
            self.answer(400)
        elif self.path == "/away":
            self.answer(302, Location="/out")
        else:
            self.answer(200, b"x" * (8 << 20) if self.path == "/huge" else b"")

    def log_message(self, *_):
        pass


def main():
    Simulator.directory = Path(sys.argv[1])
    make_certificates(Simulator.directory)
    ports = []
    for tls in (True, False):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Simulator)
        server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(Simulator.directory / "rp.pem", Simulator.directory / "rp.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports.append(str(server.server_address[1]))
    print(" ".join(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
