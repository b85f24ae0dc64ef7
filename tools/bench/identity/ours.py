"""Our own service under test: the demonstration's stack on free ports, with people and clients for a bench.

Directly at xinyind: the peers have no proxy in front of them either. Rate limits stay as configured; clients come
from many networks, by the X-Forwarded-For that xinyind believes of a trusted proxy.
"""

import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import cpu
from peers import CLIENT, PASSWORD, SECRET
from target import Target, expect, network_of
from wire import Answer, Broken, Connection

CHECKOUT = Path(__file__).resolve().parents[3]
STACK = ["/usr/bin/python3", "-B", str(CHECKOUT / "tests" / "journeys" / "stack.py")]
CHEAP = {"passwords.memory_kib": 1024, "passwords.passes": 1}  # the least that the configuration takes
WORKING = {"openid.working_keys": "true"}  # tokens by keys that the hardware token wraps and endorses
PEOPLE = 16
PLACES = 8  # networks that a person logs in from: one has its share of login pages a minute


def citizen_number(serial: int) -> str:
    """An invented number that checks (GB 11643), of a region that is not a person's."""
    first = f"110105{1950 + serial // 100_000 % 50}{1 + serial // 8_000 % 12:02}{1 + serial // 300 % 26:02}{serial % 1000:03}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return first + "10X98765432"[sum(w * int(d) for w, d in zip(weights, first)) % 11]


class Ours(Target):
    authorize_path, token_path, introspect_path = "/oauth/authorize", "/oauth/token", "/oauth/introspect"
    userinfo_path, discovery_path = "/oauth/userinfo", "/.well-known/openid-configuration"
    client_id, client_secret, redirect_uri = CLIENT, SECRET, "https://portal.bench.example/callback"
    password = PASSWORD
    machine_form = {"scope": "read"}

    def __init__(self, binaries: Path, state: Path, settings: dict | None = None, name: str = "xinyin"):
        self.name, self.state = name, state
        subprocess.run([*STACK, "start", "--bin", str(binaries), "--state", str(state)], check=True,
                       stdout=subprocess.DEVNULL)
        self.stack = json.loads((state / "stack.json").read_text())
        self.var = Path(self.stack["var"])
        self.try_this = json.loads((self.var / "demo" / "try-this.json").read_text())
        self.origin, self.port = self.try_this["issuer"], self.stack["port"] + 1
        self._plain = (self.var / "etc" / "xinyind.conf").read_text()
        self.people: list[str] = []
        self.configure(settings or {})
        self.sql(f"""
            insert into auth.client (id, name, secret_digest, redirect_uris, post_logout_redirect_uris, scopes, sector,
                                     registered_at, grant_types, machine_scopes)
            values ('{CLIENT}', 'bench', sha256('{SECRET}'), '["{self.redirect_uri}"]', '[]',
                    'openid profile documents offline_access', 'portal.bench.example', now(),
                    'authorization_code refresh_token client_credentials', 'read');""")
        for n in range(PEOPLE):
            self.people.append(self.register(f"bench.{n:05}", n))
        self.be_known()

    def be_known(self) -> None:
        """Everybody logs in once from each place: from a new one is rare, and is told to the owner."""
        for n in range(PEOPLE):
            visitor = self.visitor(n)
            for _ in range(PLACES):
                self.login(visitor)

    def configure(self, settings: dict) -> None:
        """Adds lines to the service's configuration and has its supervisor start it anew."""
        supervisor = json.loads((self.var / "run" / "state.json").read_text())["pid"]
        (self.var / "etc" / "xinyind.conf").write_text(
            self._plain + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        old = cpu.children(supervisor)["xinyind"]
        os.kill(old, signal.SIGTERM)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            running = cpu.children(supervisor)
            if running.get("xinyind", old) != old and self._is_ready():
                break
            time.sleep(0.1)
        else:
            raise SystemExit("xinyind did not come back; see its log")
        self.supervisor = supervisor
        self.pids = [running["xinyind"], running["postgres"], *self._signers(running)]
        self.service = running["xinyind"]

    @staticmethod
    def _signers(running: dict) -> list[int]:
        return [pid for name, pid in running.items() if name.startswith("xinyin-signer")]

    def _is_ready(self) -> bool:
        try:
            return self.connect().ask("GET", "/health/ready").status == 200
        except (OSError, Broken):
            return False

    def sql(self, text: str) -> str:
        """As the superuser of the private cluster."""
        user = self.var.owner()
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.try_this["database_superuser"]]
        if os.geteuid() == 0:
            command = ["runuser", "-u", user, "--", *command]
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise SystemExit(f"PostgreSQL refused: {done.stderr.strip()}")
        return done.stdout.strip()

    # ---- people -----------------------------------------------------------------------------------

    def registration(self, at: Connection, serial: int) -> str:
        """Begins one and fills it in; gives its reference."""
        as_json = ["Content-Type: application/json"]
        begun = expect(at.ask("POST", "/v1/registrations", b'{"kind":"person"}', as_json), 201, "registration")
        reference = json.loads(begun.body)["reference"]
        expect(at.ask("POST", f"/v1/registrations/{reference}", json.dumps({"fields": {
            "name": "张小三", "id_type": "cn-id", "id_number": citizen_number(serial), "card_number": "A12345678",
            "mobile": f"138{serial:08}"}}).encode(), as_json), 200, "fields")
        return reference

    @staticmethod
    def accepted(at: Connection) -> list[dict]:
        """The agreements in force, as whoever registers must name them."""
        out = []
        for kind in ("service", "privacy"):
            told = json.loads(expect(at.ask("GET", f"/v1/agreements/{kind}"), 200, "agreement").body)
            out.append({"kind": kind, "version": told["version"], "sha256": told["sha256"]})
        return out

    def complete(self, at: Connection, reference: str, login_name: str) -> Answer:
        return at.ask("POST", f"/v1/registrations/{reference}/complete", json.dumps({
            "login_name": login_name, "password": PASSWORD, "accept": self.accepted(at)}).encode(),
            ["Content-Type: application/json"])

    def register(self, login_name: str, serial: int) -> str:
        at = self.connect(random.randrange(60_000))
        expect(self.complete(at, self.registration(at, serial), login_name), 202, "completion")
        return login_name

    # ---- flows ------------------------------------------------------------------------------------

    def visitor(self, number: int) -> dict:
        return super().visitor(number) | {"login_name": self.people[number % len(self.people)]}

    def login(self, visitor: dict) -> dict:
        self.move(visitor)
        return self.sticky_login(visitor)

    def sticky_login(self, visitor: dict) -> dict:
        """As login(), always from the same network."""
        at = visitor["connection"]
        at.cookies.clear()
        page = expect(at.ask("GET", self.authorize_url(prompt="consent")), 303, "authorize").location
        form = expect(at.ask("GET", page), 200, "login page")
        back = expect(at.form("/login", {"csrf": form.field("csrf"), "return_to": form.field("return_to"),
                                         "login_name": visitor["login_name"], "password": PASSWORD}),
                      303, "login").location
        ask = expect(at.ask("GET", back), 200, "consent page")
        return self.redeem(visitor, expect(at.form("/consent", {
            "csrf": ask.field("csrf"), "transaction": ask.field("transaction"), "decision": "grant"}), 303, "consent"))

    def sso(self, visitor: dict) -> dict:
        self.move(visitor)
        return super().sso(visitor)

    @staticmethod
    def move(visitor: dict) -> None:
        """To the next of the person's places."""
        visitor["number"] = (visitor["number"] + PEOPLE) % (PEOPLE * PLACES)
        visitor["connection"].always[0] = network_of(visitor["number"])

    def metric(self, name: str) -> float:
        text = self.connect().ask("GET", "/metrics", b"").body.decode()
        found = re.search(rf"^{re.escape(name)}(?:{{[^}}]*}})? ([\d.e+]+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else 0

    def stop(self) -> None:
        subprocess.run([*STACK, "stop", "--state", str(self.state)], check=False, stdout=subprocess.DEVNULL)
