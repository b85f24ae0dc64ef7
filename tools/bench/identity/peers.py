"""The peers: oidc-provider (npm) and glewlwyd (Debian), each one process, ES256, PKCE S256 required."""

import json
import os
import pwd
import shutil
import sqlite3
import gzip
import subprocess
import tempfile
import time
from pathlib import Path

from target import Target, expect
from wire import Broken, Connection

HERE = Path(__file__).resolve().parent
CLIENT, SECRET = "bench-client", "Xf3vJq0gk1H2m8sT5uYwZaBcDeFgHiJkLmNoPqRsTuV"
PASSWORD = "hollow-brig-anvil-moth"
GLEWLWYD_PACKAGES = HERE / "packages.txt"


def install() -> None:
    """What the peers need and nothing else of the project does."""
    if not (HERE / "node_modules" / "oidc-provider").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    if not shutil.which("glewlwyd"):
        names = GLEWLWYD_PACKAGES.read_text().split()
        subprocess.run(["debconf-set-selections"], input="glewlwyd glewlwyd/config_type select No configuration\n",
                       text=True, check=True)
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *names], check=True,
                       env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def wait_for(port: int, path: str, process: subprocess.Popen) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            if Connection("127.0.0.1", port).ask("GET", path).status == 200:
                return
        except (OSError, Broken):
            pass
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


class OidcProvider(Target):
    authorize_path, token_path, introspect_path = "/auth", "/token", "/token/introspection"
    userinfo_path, discovery_path = "/me", "/.well-known/openid-configuration"
    client_id, client_secret, redirect_uri = CLIENT, SECRET, "https://portal.bench.example/callback"
    username, password = "zhang.xiaosan", PASSWORD
    machine_form = {"scope": "read", "resource": "https://api.bench.example"}

    def __init__(self, port: int, hashing: str):
        self.name = "oidc-provider"
        self.port, self.origin = port, f"http://127.0.0.1:{port}"
        settings = {"port": port, "clientId": CLIENT, "clientSecret": SECRET, "redirectUri": self.redirect_uri,
                    "password": PASSWORD, "hashing": hashing}
        self._process = subprocess.Popen(["node", "oidc_provider.mjs", json.dumps(settings)], cwd=HERE,
                                         env=os.environ | {"NODE_ENV": "production"}, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        self.pids = [self._process.pid]
        wait_for(port, self.discovery_path, self._process)

    def login(self, visitor: dict) -> dict:
        at = visitor["connection"]
        at.cookies.clear()
        page = expect(at.ask("GET", self.authorize_url()), 303, "authorize").location
        expect(at.ask("GET", page), 200, "login page")
        back = expect(at.form(page, {"login_name": self.username, "password": self.password}), 303, "login").location
        page = expect(at.ask("GET", back), 303, "after login").location
        expect(at.ask("GET", page), 200, "consent page")
        back = expect(at.form(page, {"decision": "grant"}), 303, "consent").location
        return self.redeem(visitor, expect(at.ask("GET", back), 303, "after consent"))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


class Cluster:
    """A PostgreSQL of its own for glewlwyd, with the settings that ours has (durable)."""

    def __init__(self):
        import cluster  # tools/devlib
        self.home = Path(tempfile.mkdtemp(prefix="xinyin-bench-", dir="/tmp"))
        self._as = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.home, user.pw_uid, user.pw_gid)
            self._as = ["runuser", "-u", "postgres", "--"]
        self.home.chmod(0o711)
        data = self.home / "data"
        run = lambda *command: subprocess.run([*self._as, *map(str, command)], check=True, cwd="/",
                                              stdout=subprocess.DEVNULL)
        binaries = cluster.binaries()
        run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
            "--data-checksums", "--no-instructions")
        with open(data / "postgresql.conf", "a") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{self.home}'\nshared_buffers = 64MB\n"
                       "max_connections = 60\n")
        run(binaries / "pg_ctl", "-D", data, "-l", self.home / "log", "-w", "start")
        self._stop = lambda: run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        self.pid = int((data / "postmaster.pid").read_text().splitlines()[0])

    def psql(self, database: str, sql: str) -> None:
        subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.home, "-U", "postgres", "-d", database],
                       input=sql, text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        self._stop()
        shutil.rmtree(self.home)


def shipped(name: str) -> str:
    return gzip.decompress(Path(f"/usr/share/doc/glewlwyd/database/{name}.sql.gz").read_bytes()).decode()


class Glewlwyd(Target):
    authorize_path, token_path = "/api/oidc/auth", "/api/oidc/token"
    introspect_path, userinfo_path = "/api/oidc/introspect", "/api/oidc/userinfo"
    discovery_path = "/api/oidc/.well-known/openid-configuration"
    client_id, client_secret, redirect_uri = CLIENT, SECRET, "https://portal.bench.example/callback"
    username, password = "zhang.xiaosan", PASSWORD
    scope = "openid"
    machine_form = {"scope": "read"}

    def __init__(self, port: int, database: str, hashing: str):
        """`hashing` cheap: one round of PBKDF2 (SQLite); else as shipped. In PostgreSQL bcrypt always, in SQL."""
        self.name = f"glewlwyd {database}"
        self.port, self.origin = port, f"http://localhost:{port}"
        self._folder = tempfile.TemporaryDirectory()
        self._cluster = None
        root = Path(self._folder.name)
        if database == "PostgreSQL":
            self._cluster = Cluster()
            self._cluster.psql("postgres", "create database glewlwyd")
            self._cluster.psql("glewlwyd", "create extension pgcrypto;" + shipped("init.postgre"))
            where = f'type = "postgre" conninfo = "host={self._cluster.home} dbname=glewlwyd user=postgres"'
        else:
            with sqlite3.connect(root / "glewlwyd.db") as made:
                made.executescript(shipped("init.sqlite3"))
            made.close()
            where = f'type = "sqlite3" path = "{root}/glewlwyd.db"'
        sample = gzip.decompress(Path("/usr/share/doc/glewlwyd/glewlwyd.conf.sample.gz").read_bytes()).decode()
        kept, inside = [], False
        for line in sample.splitlines():  # as shipped, but for where it listens, logs and keeps
            bare = line.strip()
            if bare.startswith("database"):
                inside = True
            if not inside and not bare.startswith(("port", "external_url", "log_", "static_files_path", "bind_address")):
                kept.append(line)
            if inside and bare.startswith("}"):
                inside = False
        (root / "glewlwyd.conf").write_text("\n".join(kept) + f"""
port = {port}
external_url = "{self.origin}/"
log_mode = "file"
log_level = "ERROR"
log_file = "{root}/log"
static_files_path = "/usr/share/glewlwyd/webapp"
database = {{ {where} }}
""")
        self._process = subprocess.Popen(["glewlwyd", "--config-file", str(root / "glewlwyd.conf")],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pids = [self._process.pid] + ([self._cluster.pid] if self._cluster else [])
        wait_for(port, "/config", self._process)
        self._set_up(root, hashing, database)

    def _set_up(self, root: Path, hashing: str, database: str) -> None:
        at = Connection("127.0.0.1", self.port, self.origin)

        def call(method: str, path: str, what: dict) -> None:
            answer = at.ask(method, "/api" + path, json.dumps(what).encode(), ["Content-Type: application/json"])
            if answer.status != 200:
                raise SystemExit(f"glewlwyd: {method} {path}: {answer.status} {answer.body.decode()}")

        call("POST", "/auth/", {"username": "admin", "password": "password"})
        if hashing == "cheap" and database != "PostgreSQL":
            got = json.loads(at.ask("GET", "/api/mod/user/database").body)
            call("PUT", "/mod/user/database", {**got, "parameters": {**got["parameters"], "pbkdf2-iterations": 1}})
            call("PUT", "/mod/user/database/reset/", {})
        key = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], capture_output=True,
                             text=True, check=True).stdout
        public = subprocess.run(["openssl", "ec", "-pubout"], input=key, capture_output=True, text=True,
                                check=True).stdout
        call("POST", "/scope/", {"name": "read", "display_name": "read", "password_required": False,
                                 "password_max_age": 0, "scheme": {}})
        call("POST", "/mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": {
            "iss": self.origin, "jwt-type": "ecdsa", "jwt-key-size": "256", "key": key, "cert": public,
            "access-token-duration": 3600, "refresh-token-duration": 1209600, "code-duration": 600,
            "refresh-token-rolling": True, "refresh-token-one-use": "never", "allow-non-oidc": True,
            "auth-type-code-enabled": True, "auth-type-token-enabled": False, "auth-type-id-token-enabled": True,
            "auth-type-none-enabled": False, "auth-type-password-enabled": False, "auth-type-client-enabled": True,
            "auth-type-refresh-enabled": True, "auth-type-device-enabled": False, "jwks-show": True,
            "pkce-allowed": True, "pkce-required": True, "pkce-method-plain-allowed": False,
            "subject-type": "public", "session-management-allowed": False,
            "introspection-revocation-allowed": True, "introspection-revocation-allow-target-client": True,
            "request-parameter-allow": False, "register-client-allowed": False}})
        call("POST", "/client/?source=database", {
            "client_id": CLIENT, "name": "bench", "enabled": True, "confidential": True, "client_secret": SECRET,
            "redirect_uri": [self.redirect_uri], "authorization_type": ["code", "client_credentials", "refresh_token"],
            "token_endpoint_auth_method": ["client_secret_basic"], "scope": ["read"]})
        call("POST", "/user/?source=database", {"username": self.username, "name": "张小三", "password": PASSWORD,
                                                "email": "", "enabled": True, "scope": ["openid"]})

    def login(self, visitor: dict) -> dict:
        """Without its pages: those are static files and a program for the browser, which calls these."""
        at = visitor["connection"]
        at.cookies.clear()
        as_json = ["Content-Type: application/json"]
        expect(at.ask("POST", "/api/auth/", json.dumps({"username": self.username, "password": PASSWORD}).encode(),
                      as_json), 200, "login")
        expect(at.ask("PUT", f"/api/auth/grant/{CLIENT}", b'{"scope":"openid"}', as_json), 200, "grant")
        return self.redeem(visitor, expect(at.ask("GET", self.authorize_url(g_continue="")), 302, "authorize"))

    def sso(self, visitor: dict) -> dict:
        answer = visitor["connection"].ask("GET", self.authorize_url(g_continue=""))
        return self.redeem(visitor, expect(answer, 302, "sso"))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        if self._cluster:
            self._cluster.stop()
        self._folder.cleanup()
