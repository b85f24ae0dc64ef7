"""What the journeys written in Python share: the stack's particulars, its HTTP door, its tools."""

import json
import os
import pwd
import subprocess
import sys
import time
import unittest
import urllib.parse
import uuid
from pathlib import Path

sys.dont_write_bytecode = True
CHECKOUT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(CHECKOUT / "tools" / "devlib"))

import browse  # noqa: E402
from browse import Failure  # noqa: E402,F401

OUT = Path(os.environ.get("XINYIN_JOURNEYS", CHECKOUT / "build/release/journeys"))
BIN = Path(os.environ.get("XINYIN_BIN", CHECKOUT / "build/release/bin"))
STACK = json.loads((OUT / "stack.json").read_text())
VAR = Path(STACK["var"])
TRY = json.loads((VAR / "demo" / "try-this.json").read_text())
ISSUER = TRY["issuer"]
SCOPES = "openid profile documents"


def client() -> dict:
    return {key: TRY[key] for key in ("client_id", "client_secret", "redirect_uri")}


def log_in() -> str:
    return browse.log_in(ISSUER, client(), TRY["username"], TRY["password"], SCOPES)


def ask(method: str, path: str, body: bytes | None = None, **headers):
    """status, headers, body of a request through HAProxy; no redirect is followed."""
    return browse.Browser(ISSUER).ask(method, path if "://" in path else ISSUER + path, body, **headers)


def ask_json(method: str, path: str, body: bytes | None = None, **headers):
    status, _, text = ask(method, path, body, **{"Accept": "application/json", **headers})
    return status, json.loads(text)


def start_issuing(token: str, key: str | None = None):
    """The answer to one request for an enrolment certificate, whatever it is."""
    return ask("POST", "/v1/documents/enrolment-certificate", b"{}", Accept="application/json",
               Authorization=f"Bearer {token}", Content_Type="application/json",
               Idempotency_Key=key or str(uuid.uuid4()))


def issue(token: str, key: str | None = None) -> dict:
    status, _, body = start_issuing(token, key)
    if status not in (200, 201):
        raise AssertionError(f"issuing answered {status}: {body[:500]!r}")
    return json.loads(body)


def fetch(token: str, document: str) -> bytes:
    status, _, body = ask("GET", f"/v1/documents/{document}", Accept="application/pdf", Authorization=f"Bearer {token}")
    if status != 200:
        raise AssertionError(f"fetching answered {status}: {body[:500]!r}")
    return body


def run(*argv, check: bool = True, **more) -> subprocess.CompletedProcess:
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def as_stack(*argv, check: bool = True) -> subprocess.CompletedProcess:
    """Runs a program as the account that the stack runs as: the database believes that account."""
    owner = VAR.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        user = pwd.getpwuid(owner)
        argv = ("/usr/bin/setpriv", f"--reuid={owner}", f"--regid={user.pw_gid}", "--clear-groups", "--", *argv)
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SOFTHSM2_CONF": str(VAR / "etc" / "softhsm2.conf")}
    return run(*argv, check=check, cwd=str(VAR), env=env)


def officer(*arguments, check: bool = True) -> subprocess.CompletedProcess:
    """The officers' command line, with the stack's own configuration."""
    return as_stack(TRY["programs"] + "/xinyin", "--config", TRY["officer_config"], *arguments, check=check)


def sql(query: str) -> list[list[str]]:
    """Rows as the cluster's superuser sees them."""
    done = as_stack("psql", "-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", TRY["database_superuser"], "-c", query)
    return [line.split("\t") for line in done.stdout.splitlines()]


def eventually(question, within_s: float = 20, what: str = ""):
    """Asks until the answer is true: for states that a running system reaches by itself."""
    until = time.monotonic() + within_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"never became true: {what or question}")
        time.sleep(0.05)


def ready() -> bool:
    return browse.status_of(f"{ISSUER}/health/ready") == 200


def code_of(text: str) -> str:
    return text.replace("-", "")


def quote(text: str) -> str:
    return urllib.parse.quote(text, safe="")


class Journey(unittest.TestCase):
    maxDiff = None


def main() -> None:
    unittest.main(verbosity=2)
