"""What a third-party platform's endpoints may answer when they go wrong: a token endpoint and a set of keys.

    platform_simulator.py [--port N]

Prints its port; ends with its standard input. What the last call said is at GET /last. The path says how the
answer is: /token, /keys (right) and, for either, /html /status_500 /huge /silent /drip /short /redirect /denied.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Simulator(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    last: dict = {}

    def send(self, body: bytes, status=200, kind="application/json", promised=None, more=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(promised if promised is not None else len(body)))
        for name, value in more:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def answer(self, body: str):
        path = self.path
        if path == "/last":
            return self.send(json.dumps(Simulator.last).encode())
        Simulator.last = {"method": self.command, "path": path, "body": body,
                          "authorization": self.headers.get("Authorization", "")}
        if path == "/token":
            return self.send(b'{"id_token": "a.b.c"}')
        if path == "/keys":
            return self.send(b'{"keys": []}', kind="application/jwk-set+json")
        if path == "/html":
            return self.send(b"<p>log in first", kind="text/html")
        if path == "/status_500":
            return self.send(b"{}", 500)
        if path == "/denied":
            return self.send(b'{"error": "invalid_grant"}', 400)
        if path == "/huge":
            return self.send(b" " * (1 << 20))
        if path == "/short":
            return self.send(b'{"id_token":', promised=400)
        if path == "/redirect":
            return self.send(b"{}", 302, more=[("Location", "/token")])
        if path == "/silent":
            time.sleep(30)
        elif path == "/drip":
            try:
                for octet in b"HTTP/1.1 200 OK\r\n" * 100:
                    self.wfile.write(bytes([octet]))
                    time.sleep(0.1)
            except OSError:
                pass
        else:
            return self.send(b"{}", 404)
        self.close_connection = True
        return None

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def do_GET(self):
        self.answer("")

    def log_message(self, *_):
        pass


def main():
    port = int(sys.argv[2]) if sys.argv[1:2] == ["--port"] else 0
    server = ThreadingHTTPServer(("127.0.0.1", port), Simulator)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
