"""A simulator of the systems that proofing asks (docs/gateways.md): identity register, the agency's own records,
a face service, the e-social-security card's platform, the national network identity.

    proofing_simulator.py --key-id ID --secret-file FILE [--port N] [--with-parent] [--people FILE]

Prints its port; with --with-parent it ends with its standard input. Paths: /identity, /association, /social-card,
/face, /network-id; `…/visit/TICKET` are the pages of the last three that a person sees.

Whom it knows: --people, JSON lines {"name", "id_number", "phone", "bank_card", "card_number", "last_base"}; without,
everybody it is asked about, whose other values are then the same ones: 13800138000, 6222020200012345678, A12345678,
8500.00.

POST /mode {"mode": WORD, "times": N}  what the next N answers are (-1: all until told otherwise):
    ok               as the people have it        not_found, unavailable, not_live, not_finished, does_not_match
    wrong_mac  wrong_nonce  unsigned  garbage  html  status_500  huge  silent  drip  short  reflected  unmarked
    other_person     (social card) the card of somebody else
"""

import argparse
import base64
import hashlib
import hmac
import json
import secrets
import sys
import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

QUESTION, ANSWER = b"xinyin proofing question 1\n", b"xinyin proofing answer 1\n"
EVERYBODY = {"phone": "13800138000", "bank_card": "6222020200012345678", "card_number": "A12345678",
             "last_base": "8500.00"}
NEEDED = {"two-factor": [], "three-factor": ["phone"], "four-factor": ["phone", "bank_card"],
          "association": ["card_number", "last_base"]}
OUTCOMES = {"not_found", "unavailable", "not_live", "not_finished", "does_not_match"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Simulator(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    key_id = ""
    secret = b""
    people = None
    lock = threading.Lock()
    mode, times = "ok", -1
    asked = 0
    visits: dict = {}
    nonces: set = set()

    # -- what it says ---------------------------------------------------------------------------------------------

    def send(self, body: bytes, status=200, kind="application/json", promised=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(promised if promised is not None else len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def page(self, text: str, status=200):
        html = ('<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" '
                'content="width=device-width"><title>模拟 simulator</title><body style="font:1.1rem sans-serif;'
                f'max-width:36rem;margin:2rem auto;padding:0 1rem">{text}')
        self.send(html.encode(), status, "text/html; charset=utf-8")

    def envelope(self, payload: dict, mode: str) -> bytes:
        if mode != "unmarked":
            payload["simulator"] = True
        if mode == "wrong_nonce":
            payload["nonce"] = b64(secrets.token_bytes(24))
        text = b64(json.dumps(payload, ensure_ascii=False).encode())
        label = QUESTION if mode == "reflected" else ANSWER
        mac = hmac.new(self.secret, label + text.encode(), hashlib.sha256).hexdigest()
        if mode == "wrong_mac":
            mac = "0" * 64
        out = {"payload": text, "mac": mac}
        if mode == "unsigned":
            del out["mac"]
        return json.dumps(out).encode()

    def take_mode(self) -> str:
        with self.lock:
            Simulator.asked += 1
            mode = Simulator.mode
            if Simulator.times > 0:
                Simulator.times -= 1
                if Simulator.times == 0:
                    Simulator.mode, Simulator.times = "ok", -1
            return mode

    def broken(self, mode: str) -> bool:
        """Modes that are no answer at all."""
        if mode == "silent":
            time.sleep(30)
        elif mode == "drip":
            try:
                for octet in b"HTTP/1.1 200 OK\r\n" * 100:
                    self.wfile.write(bytes([octet]))
                    time.sleep(0.1)
            except OSError:
                pass
        elif mode == "garbage":
            self.send(b'{"payload": [1, 2')
        elif mode == "html":
            self.send(b"<p>log in first", kind="text/html")
        elif mode == "status_500":
            self.send(b"{}", 500)
        elif mode == "huge":
            self.send(b" " * (1 << 20))
        elif mode == "short":
            self.send(b'{"payload":', promised=400)
        else:
            return False
        self.close_connection = True
        return True

    # -- what it knows --------------------------------------------------------------------------------------------

    def person(self, attributes: dict):
        if self.people is None:
            return dict(EVERYBODY, name=attributes["name"], id_number=attributes["id_number"])
        for one in self.people:
            if one["id_number"] == attributes["id_number"]:
                return one
        return None

    def compare(self, question: dict) -> dict:
        attributes = question["attributes"]
        known = self.person(attributes)
        if known is None:
            return {"outcome": "not_found"}
        names = ["name", "id_number"] + NEEDED[question["method"]]
        if any(known.get(name) != attributes.get(name) for name in names):
            return {"outcome": "does_not_match"}
        return {"outcome": "matches", "matched": names}

    # -- the interface --------------------------------------------------------------------------------------------

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = urlsplit(self.path).path
        if path == "/mode":
            told = json.loads(body)
            with self.lock:
                Simulator.mode, Simulator.times = told["mode"], told.get("times", -1)
                Simulator.asked = 0
            return self.send(b"{}")
        if "/visit/" in path:
            return self.decide(path, parse_qs(body.decode()))
        try:
            outer = json.loads(body)
            wanted = hmac.new(self.secret, QUESTION + outer["payload"].encode(), hashlib.sha256).hexdigest()
            if outer["key"] != self.key_id or not hmac.compare_digest(outer["mac"], wanted):
                return self.send(b"{}", 403)
            question = json.loads(unb64(outer["payload"]))
        except (ValueError, KeyError):
            return self.send(b"{}", 400)
        mode = self.take_mode()
        if self.broken(mode):
            return None
        out = {"nonce": question["nonce"], "transaction": b64(secrets.token_bytes(12))}
        if question["call"] == "compare":
            with self.lock:  # a question is answered once
                if question["nonce"] in self.nonces:
                    return self.send(b"{}", 409)
                self.nonces.add(question["nonce"])
            out |= {"outcome": mode} if mode in OUTCOMES else self.compare(question)
        elif question["call"] == "visit":
            ticket = b64(secrets.token_bytes(16))
            host = self.headers["Host"]
            self.visits[ticket] = {"question": question, "outcome": "pending"}
            out = {"nonce": question["nonce"], "ticket": ticket, "address": f"http://{host}{path}/visit/{ticket}"}
        else:
            visit = self.visits.get(question["ticket"])
            if visit is None or visit["question"]["nonce"] != question["nonce"]:
                out |= {"outcome": "not_found"}
            else:
                outcome = mode if mode in OUTCOMES else visit["outcome"]
                out |= {"outcome": outcome}
                if outcome == "matches":
                    attributes = visit["question"]["attributes"]
                    out["transaction"] = visit.setdefault("transaction", out["transaction"])
                    # A network identity that is asked about nobody tells who it is.
                    if path == "/social-card" or "id_number" not in attributes:
                        holder = visit.get("holder", attributes)  # a login: whoever holds the telephone
                        out |= {"name": holder["name"], "id_number": holder["id_number"]}
                        if mode == "other_person":
                            out |= {"name": "李四"}
                    else:
                        out["matched"] = ["name", "id_number"]
        return self.send(self.envelope(out, mode))

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/health/ready":
            return self.send(b"{}")
        if path == "/asked":
            return self.send(json.dumps({"asked": Simulator.asked}).encode())
        ticket = path.rsplit("/", 1)[-1]
        visit = self.visits.get(ticket) if "/visit/" in path else None
        if visit is None:
            return self.page("<p>没有这次核验 · no such visit", 404)
        what = ("人脸核验 · Face" if path.startswith("/face/") else
                "国家网络身份认证 · Network identity" if path.startswith("/network-id/") else
                "电子社保卡 · Electronic social security card")
        buttons = "".join(
            f'<p><button name="outcome" value="{value}" style="font-size:1.1rem;padding:.6rem 1rem">{escape(text)}</button>'
            for value, text in [("matches", "通过 · pass"), ("does_not_match", "不一致 · mismatch"),
                                ("not_live", "活体失败 · not live"), ("not_finished", "取消 · cancel")])
        attributes = visit["question"]["attributes"]
        shown = f'<p><b>{escape(attributes["shown"])}</b></p>' if "shown" in attributes else ""
        fields = "" if "id_number" in attributes else "".join(
            f'<p><label>{label}<br><input name="{name}" required style="font-size:1.1rem;width:100%"></label></p>'
            for name, label in [("name", "持卡人姓名 · holder"), ("id_number", "社会保障号码 · number")])
        return self.page(f"<h1>模拟页面 simulator</h1><p>{what}</p>{shown}<p>请选择结果 · choose what comes of it</p>"
                         f'<form method="post">{fields}{buttons}</form>')

    def decide(self, path: str, form: dict):
        visit = self.visits.get(path.rsplit("/", 1)[-1])
        if visit is None or form.get("outcome", [""])[0] not in OUTCOMES | {"matches"}:
            return self.page("<p>没有这次核验 · no such visit", 404)
        if "id_number" in form:
            visit["holder"] = {"name": form.get("name", [""])[0], "id_number": form["id_number"][0]}
        visit["outcome"] = form["outcome"][0]
        self.send_response(303)
        self.send_header("Location", visit["question"]["return_address"])
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def log_message(self, *_):
        pass


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--key-id", required=True)
    options.add_argument("--secret-file", required=True, type=Path)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--people", type=Path)
    options.add_argument("--with-parent", action="store_true")
    given = options.parse_args()
    Simulator.key_id = given.key_id
    Simulator.secret = given.secret_file.read_bytes().rstrip(b"\n")
    if given.people:
        Simulator.people = [json.loads(line) for line in given.people.read_text("utf-8").splitlines() if line.strip()]
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Simulator)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    if given.with_parent:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
    else:
        server.serve_forever()


if __name__ == "__main__":
    main()
