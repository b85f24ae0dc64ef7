"""Measures a running system, each figure as a ratio against a raw limit taken in the same run.

    tools/dev bench            everything
    tools/dev bench verify     verification by code against nginx serving a file of the same size
    tools/dev bench issue      certificates a second against the token's raw signing rate
    tools/dev bench rooms      the rooms' own benches
    tools/dev bench identity   the provider beside oidc-provider and glewlwyd, with a million rows, guessed at and
                               flooded; `identity compare|rows|guess|flood` is one of them

The machine's two sides share its cores: read ratios, not absolutes.
"""

import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path

sys.dont_write_bytecode = True
CHECKOUT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(CHECKOUT / "tools" / "devlib"))

import browse  # noqa: E402

BIN = CHECKOUT / "build" / "release" / "bin"
STATE = CHECKOUT / "build" / "bench"
ROUNDS, SECONDS, CONNECTIONS = 3, 5, 64
STACK = ["/usr/bin/python3", "-B", str(CHECKOUT / "tests" / "journeys" / "stack.py")]


def wrk(url: str) -> float:
    """Requests a second; every answer must be 2xx."""
    said = subprocess.run(["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", url], capture_output=True, text=True,
                          check=True).stdout
    if "Non-2xx" in said:
        sys.exit(f"{url} did not answer 2xx:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


class Nginx:
    """nginx serving one file, on a port of its own."""

    def __init__(self, port: int, body: bytes):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        root.chmod(0o755)
        (root / "body.json").write_bytes(body)
        (root / "nginx.conf").write_text(f"""
worker_processes auto; pid {root}/pid; error_log {root}/error.log; daemon off;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c; uwsgi_temp_path {root}/d;
  scgi_temp_path {root}/e; types {{ application/json json; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; }} }}
""")
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(root / "nginx.conf")], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}/body.json"
        for _ in range(100):
            if browse.status_of(self.url) == 200:
                return
            time.sleep(0.05)
        sys.exit("nginx does not answer")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def rounds(named: dict) -> dict:
    """Each measured in turn, several times; the medians."""
    seen = {name: [] for name in named}
    for _ in range(ROUNDS):
        for name, measure in named.items():
            seen[name].append(measure())
    return {name: statistics.median(values) for name, values in seen.items()}


def bench_verify(stack: dict, try_this: dict) -> None:
    path = try_this["sample_verify_address"].removeprefix(try_this["issuer"]).replace("/v/", "/v1/verify/")
    direct = f"http://127.0.0.1:{stack['port'] + 1}{path}"
    with urllib.request.urlopen(direct) as answer:
        body = answer.read()
    nginx = Nginx(stack["port"] + 3, body)
    try:
        wrk(direct)
        rate = rounds({"verify": lambda: wrk(direct), "nginx": lambda: wrk(nginx.url),
                       "through": lambda: wrk(try_this["issuer"] + path)})
    finally:
        nginx.stop()
    print(f"verify by code, {len(body)} bytes, {CONNECTIONS} connections: {rate['verify']:.0f}/s; nginx static file of the "
          f"same size {rate['nginx']:.0f}/s; ratio {rate['verify'] / rate['nginx']:.2f}   (through HAProxy "
          f"{rate['through']:.0f}/s)")


def certificates(stack: dict, token: str, threads: int, seconds: float) -> float:
    done, failed, until = [], [], time.monotonic() + seconds

    def work():
        door = http.client.HTTPConnection("127.0.0.1", stack["port"] + 1, timeout=30)
        while time.monotonic() < until:
            door.request("POST", "/v1/documents/enrolment-certificate", b"{}", {
                "Authorization": f"Bearer {token}", "Content-Type": "application/json",
                "Idempotency-Key": str(uuid.uuid4())})
            answer = door.getresponse()
            answer.read()
            (done if answer.status == 201 else failed).append(answer.status)

    all_of_them = [threading.Thread(target=work) for _ in range(threads)]
    begun = time.monotonic()
    for thread in all_of_them:
        thread.start()
    for thread in all_of_them:
        thread.join()
    if failed:
        sys.exit(f"{len(failed)} of {len(failed) + len(done)} certificates failed, e.g. {failed[0]}")
    return len(done) / (time.monotonic() - begun)


def bench_issue(stack: dict, try_this: dict) -> None:
    client = {key: try_this[key] for key in ("client_id", "client_secret", "redirect_uri")}
    token = browse.log_in(try_this["issuer"], client, try_this["username"], try_this["password"],
                          "openid profile documents")
    certificates(stack, token, 4, 2)
    rates = [certificates(stack, token, 8, SECONDS) for _ in range(ROUNDS)]
    said = subprocess.run([BIN / "bench_signer"], capture_output=True, text=True, check=True).stdout
    print(said.rstrip())
    raw = float(re.search(r"^raw C_Sign, 2 threads\s+(\d+)", said, re.MULTILINE).group(1))
    rate = statistics.median(rates)
    print(f"certificates: {rate:.0f}/s, each with two signatures in the token (seal, time stamp); raw signing "
          f"{raw:.0f}/s; ratio {rate / raw:.3f}, of signatures {2 * rate / raw:.3f}")


def bench_rooms() -> int:
    """The rooms' own benches, each by itself; every one is run, and the number that failed is returned."""
    build = str(BIN.parent)
    cluster = [str(CHECKOUT / "tests/support/cluster")]
    failed = 0
    try:
        subprocess.run([*cluster, "start", build], check=True)
        host = json.loads((BIN.parent / "postgres.json").read_text())["host"]
        commands = [["tools/bench/http_floor.sh", build], ["tools/bench/verify_http.sh", build]]
        arguments = {"bench_store": [f"host={host} user=postgres dbname=postgres"]}
        commands += [[str(path), *arguments.get(path.name, [])] for path in sorted(BIN.glob("bench_*"))]
        for command in commands:
            print(f"\n$ {Path(command[0]).name}", flush=True)
            failed += subprocess.run(command, cwd=CHECKOUT, check=False).returncode != 0
    finally:
        subprocess.run([*cluster, "stop", build], check=True)
    return failed


def bench_identity(rest: list[str]) -> int:
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-B", CHECKOUT / "tools/bench/identity/main.py", *rest]).returncode


def main() -> int:
    if sys.argv[1:2] == ["identity"]:
        return bench_identity(sys.argv[2:])
    wanted = sys.argv[1:] or ["rooms", "verify", "issue"]
    if unknown := set(wanted) - {"rooms", "verify", "issue"}:
        sys.exit(f"unknown: {', '.join(unknown)}")
    failed = bench_rooms() if "rooms" in wanted else 0
    if not {"verify", "issue"} & set(wanted):
        return 1 if failed else 0
    subprocess.run([*STACK, "start", "--bin", str(BIN), "--state", str(STATE)], check=True)
    try:
        stack = json.loads((STATE / "stack.json").read_text())
        try_this = json.loads((Path(stack["var"]) / "demo" / "try-this.json").read_text())
        if "verify" in wanted:
            bench_verify(stack, try_this)
        if "issue" in wanted:
            bench_issue(stack, try_this)
    finally:
        subprocess.run([*STACK, "stop", "--state", str(STATE)], check=False)
    if not sys.argv[1:]:
        failed += bench_identity([])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
