"""A carrier of text messages, simulated: SendSms (2017-05-25) as Alibaba Cloud's interface takes it.

    sms_simulator.py --port P --key-id ID --key-secret-file FILE [--sign-name N] [--template CODE=TEXT ...]

What is sent reaches nobody: it stands on the page at /, and as JSON at /messages. A request whose signature,
date, nonce or template is wrong is refused as the carrier refuses it. For tests, POST /mode with one word:
ok, away (503), slow (never answers), garbage, limit, illegal.

Port 0 takes any; the one taken is printed. It ends when its standard input does, if --with-parent is given.
"""

import argparse
import datetime
import hashlib
import hmac
import html
import json
import os
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOST_BODY = 64 << 10
MOST_MESSAGES = 500


class Carrier:
    def __init__(self, options):
        self.key_id = options.key_id
        with open(options.key_secret_file, "rb") as file:
            self.secret = file.read().rstrip(b"\n")
        self.sign_name = options.sign_name
        self.templates = dict(each.split("=", 1) for each in options.template)
        self.mode = "ok"
        self.messages: list[dict] = []
        self.nonces: set[str] = set()
        self.lock = threading.Lock()

    def refusal(self, handler, body: bytes) -> str | None:
        """The carrier's code of what is wrong with the call, or nothing."""
        fields = {name.lower(): value for name, value in handler.headers.items()}
        found = re.fullmatch(r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})",
                             fields.get("authorization", ""))
        if not found:
            return "IncompleteSignature"
        if found[1] != self.key_id:
            return "InvalidAccessKeyId.NotFound"
        names = found[2].split(";")
        needed = {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce",
                  "x-acs-content-sha256"}
        if names != sorted(names) or not needed <= set(names) or any(name not in fields for name in names):
            return "IncompleteSignature"
        if hashlib.sha256(body).hexdigest() != fields["x-acs-content-sha256"]:
            return "SignatureDoesNotMatch"
        lines = "".join(f"{name}:{fields[name].strip()}\n" for name in names)
        path, _, query = handler.path.partition("?")
        canonical = "\n".join([handler.command, path, query, lines, found[2], fields["x-acs-content-sha256"]])
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        expected = hmac.new(self.secret, to_sign.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, found[3]):
            return "SignatureDoesNotMatch"
        if fields["x-acs-action"] != "SendSms" or fields["x-acs-version"] != "2017-05-25":
            return "InvalidAction.NotFound"
        try:
            at = datetime.datetime.strptime(fields["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            return "InvalidTimeStamp.Format"
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        if abs((now - at).total_seconds()) > 900:
            return "InvalidTimeStamp.Expired"
        with self.lock:
            if fields["x-acs-signature-nonce"] in self.nonces:
                return "SignatureNonceUsed"
            self.nonces.add(fields["x-acs-signature-nonce"])
        return None

    def send(self, body: bytes) -> dict:
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        phone = form.get("PhoneNumbers", "")
        if not re.fullmatch(r"\+?[0-9]{8,15}", phone) or self.mode == "illegal":
            return self.answer("isv.MOBILE_NUMBER_ILLEGAL")
        if self.mode == "limit":
            return self.answer("isv.BUSINESS_LIMIT_CONTROL")
        if form.get("SignName") != self.sign_name:
            return self.answer("isv.SMS_SIGNATURE_ILLEGAL")
        template = self.templates.get(form.get("TemplateCode", ""))
        if template is None:
            return self.answer("isv.SMS_TEMPLATE_ILLEGAL")
        try:
            values = json.loads(form.get("TemplateParam", ""))
        except ValueError:
            return self.answer("isv.INVALID_JSON_PARAM")
        wanted = set(re.findall(r"\$\{(\w+)\}", template))
        if not wanted <= set(values):
            return self.answer("isv.TEMPLATE_MISSING_PARAMETERS")
        text = re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), template)
        with self.lock:
            number = len(self.messages) + 1
            self.messages.append({"number": number, "phone": phone, "text": f"【{self.sign_name}】{text}",
                                  "values": values, "at": datetime.datetime.now().isoformat(timespec="seconds")})
            del self.messages[:-MOST_MESSAGES]
        return {**self.answer("OK"), "BizId": f"{number}^0"}

    @staticmethod
    def answer(code: str) -> dict:
        return {"Code": code, "Message": code, "RequestId": os.urandom(16).hex().upper()}


PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5"><title>短信模拟器 SMS simulator</title>
<style>body{font:1rem/1.6 system-ui,"Noto Sans CJK SC",sans-serif;max-width:34rem;margin:1.5rem auto;padding:0 1rem;background:#eef2f6}
li{background:#fff;border-radius:12px;padding:.7rem 1rem;margin:.7rem 0;list-style:none}ul{padding:0}small{color:#556}</style>
<h1>短信模拟器 <small>SMS simulator</small></h1><p>演示用：这些短信没有发给任何人。 Demonstration: these reached nobody.</p><ul>%s</ul></html>"""


def handler_of(carrier: Carrier):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def reply(self, status: int, body: bytes, kind: str):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def json(self, value, status=200):
            self.reply(status, json.dumps(value, ensure_ascii=False).encode(), "application/json; charset=utf-8")

        def do_GET(self):
            path, _, query = self.path.partition("?")
            if path == "/health/ready":
                self.json({"ready": True})
            elif path == "/messages":
                phone = dict(urllib.parse.parse_qsl(query)).get("phone")
                with carrier.lock:
                    self.json([m for m in carrier.messages if phone in (None, m["phone"])])
            elif path == "/":
                with carrier.lock:
                    rows = "".join(f"<li><small>{html.escape(m['at'])} → {html.escape(m['phone'])}</small><br>"
                                   f"{html.escape(m['text'])}</li>" for m in reversed(carrier.messages))
                self.reply(200, (PAGE % (rows or "<li>尚无短信 none yet</li>")).encode(), "text/html; charset=utf-8")
            else:
                self.json({"error": "not found"}, 404)

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            if length > MOST_BODY:
                self.close_connection = True
                return self.json(Carrier.answer("RequestTooLarge"), 413)
            body = self.rfile.read(length)
            if self.path == "/mode":
                carrier.mode = body.decode()
                return self.json({"mode": carrier.mode})
            if carrier.mode == "away":
                return self.json(Carrier.answer("ServiceUnavailable"), 503)
            if carrier.mode == "garbage":
                return self.reply(200, b"\xff\xfe<not json", "text/html")
            if carrier.mode == "slow":
                threading.Event().wait(60)
                self.close_connection = True
                return None
            refused = carrier.refusal(self, body)
            return self.json(Carrier.answer(refused), 400) if refused else self.json(carrier.send(body))

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key-id", required=True)
    parser.add_argument("--key-secret-file", required=True)
    parser.add_argument("--sign-name", default="演示社保")
    parser.add_argument("--template", action="append", default=[])
    parser.add_argument("--with-parent", action="store_true")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), handler_of(Carrier(options)))
    server.daemon_threads = True
    print(server.server_port, flush=True)
    if options.with_parent:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
