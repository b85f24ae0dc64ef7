"""The running system: sets it up the first time, starts its processes in order, keeps them alive.

Runs as the account that everything runs as; `tools/dev run` starts it.
"""

import argparse
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

import browse  # noqa: E402
import cluster  # noqa: E402
import conf  # noqa: E402
from children import ENVIRONMENT, Stopped, Supervisor  # noqa: E402
from layout import Area  # noqa: E402
from show import Failure, Stage, colour, run_logged, say  # noqa: E402

DEFAULT_PORT = 8080
WAITING = 4  # xinyin's exit code of a deed that waits for officers


class Stack:
    def __init__(self, area: Area, port: int | None, shown_as: str, detached: bool):
        self.area = area
        self.detached = detached
        self.shown_as = shown_as
        area.make_directories()
        self._lock = self._take_lock()
        self.settings_file = area.etc / "ports.json"
        kept = json.loads(self.settings_file.read_text()) if self.settings_file.exists() else {}
        self.moved = port is not None and kept and kept["port"] != port
        self.ports = conf.Ports(port or kept.get("port", DEFAULT_PORT))
        self.supervisor = Supervisor(self._log)

    def _take_lock(self) -> int:
        descriptor = os.open(self.area.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"It is running already on {self.shown_as}.") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return descriptor

    def _log(self, text: str) -> None:
        say(f"{time.strftime('%H:%M:%S')}  {text}")

    def _state(self, phase: str, at: str = "") -> None:
        fresh = self.area.state.with_suffix(".new")
        fresh.write_text(json.dumps({"pid": os.getpid(), "phase": phase, "at": at, "port": self.ports.front}))
        fresh.rename(self.area.state)

    def stage(self, name: str) -> Stage:
        self._state("starting", name)
        return Stage(name)

    # ---- set-up, each step safe to repeat -------------------------------------------------------

    def check_ports(self) -> None:
        for port, whose in self.ports.all():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    raise Failure(
                        f"Port {port} ({whose}) is taken by another program. Choose other ports with --port P: "
                        f"P, P+1 and P+10 to P+13 will be used, e.g. tools/dev run --port {self.ports.front + 100}") from None

    def tool(self, stage: Stage | None, *arguments: str) -> None:
        """The officers' command line, its output in log/setup.log."""
        run_logged(stage, [self.area.bin / "xinyin", *arguments], str(self.area.log / "setup.log"),
                   cwd=str(self.area.home), env=ENVIRONMENT)

    def told(self, *arguments: str) -> dict:
        """What the officers' command line answers, of a deed that was done or waits for approvals."""
        done = subprocess.run([self.area.bin / "xinyin", *conf.officer(self.area, "--json", *arguments)],
                              cwd=self.area.home, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        with open(self.area.log / "setup.log", "a") as log:
            log.write(f"$ xinyin {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}\n")
        if done.returncode not in (0, WAITING):
            raise Failure(f"xinyin {' '.join(map(str, arguments))}: exit code {done.returncode}, see {self.shown_as}/log/setup.log")
        return json.loads(done.stdout)["data"]

    @property
    def _set_up(self) -> Path:
        return self.area.home / "set-up"

    def start(self) -> None:
        area = self.area
        self.check_ports()
        fresh = not self._set_up.exists()
        if not fresh and not (area.etc / "genesis.json").exists():
            raise Failure("This demonstration was set up before officers governed its keys. "
                          "Remove it and start anew: tools/dev clean")
        if fresh:
            self._clear_remains()
        conf.write_all(area, self.ports)
        self.settings_file.write_text(json.dumps({"port": self.ports.front}) + "\n")
        if fresh:
            with self.stage("Private PostgreSQL cluster"):
                cluster.make(area)
        cluster.configure(area)
        with self.stage("PostgreSQL"):
            self.supervisor.start(cluster.child(area), lambda: cluster.ready(area))
            cluster.ensure_database(area)
        with self.stage("Migrations") as stage:
            self.tool(stage, *conf.migrate_arguments(area))
        if fresh:
            with self.stage("Token, and a card for each officer") as stage:
                self._provision(stage)
                for arguments in conf.founding_steps(area):
                    self.tool(stage, *arguments)
        with self.stage("Signer"):
            self.supervisor.start(conf.signer(area), lambda: conf.signer_ready(area))
        if fresh:
            with self.stage("Key ceremony: officers approve keys, certificates and lists") as stage:
                for arguments in conf.ceremony_steps(area, self.ports):
                    self.tool(stage, *arguments)
        else:
            with self.stage("Revocation lists and trust list") as stage:
                self.tool(stage, *conf.renew_lists_arguments(area))
        with self.stage("Simulator of a certification body"):
            self.supervisor.start(conf.body_simulator(area, self.ports), lambda: self._answers(self.ports.body))
        if not self._body_admitted.exists():
            with self.stage("Officers admit the certification body"):
                self._admit_body()
        if fresh or self.moved:
            with self.stage("Demonstration data") as stage:
                conf.seed(area, self.ports, lambda *arguments: self.tool(stage, *arguments))
            if not self._seal_made.exists():
                with self.stage("Officers make the agency's seal") as stage:
                    self._make_seal()
                    conf.seed(area, self.ports, lambda *arguments: self.tool(stage, *arguments))
            self._set_up.write_text(time.strftime("%Y-%m-%dT%H:%M:%S%z\n"))
        with self.stage("Simulator of text messages"):
            self.supervisor.start(conf.sms_simulator(area, self.ports), lambda: self._answers(self.ports.sms))
        with self.stage("Simulator of proofing sources"):
            self.supervisor.start(conf.proofing_simulator(area, self.ports), lambda: self._answers(self.ports.proofing))
        with self.stage("Service"):
            self.supervisor.start(conf.service(area), lambda: self._answers(self.ports.service))
        with self.stage("HAProxy"):
            self.supervisor.start(conf.haproxy(area), lambda: self._answers(self.ports.front))
        with self.stage("Demonstration portal"):
            self.supervisor.start(conf.portal(area), lambda: self._answers(self.ports.portal))
        if fresh or self.moved or not (area.demo / "sample.json").exists():
            with self.stage("A first sealed sample"):
                self._make_sample()
        conf.write_try_this(area, self.ports, self.shown_as)
        self._state("ready")

    def _clear_remains(self) -> None:
        """What a first start that was cut short left behind: nothing was issued under it."""
        area = self.area
        for directory in (area.postgres, area.token, area.officers, area.pki, area.secrets, area.body, area.demo):
            if directory.exists():
                make_writable(directory)
                shutil.rmtree(directory)
        area.make_directories()

    @property
    def _body_admitted(self) -> Path:
        return self.area.home / "body-admitted"

    @property
    def _seal_made(self) -> Path:
        return self.area.demo / "seal-made"

    def _admit_body(self) -> None:
        """As any body is: its papers are checked and recorded, two officers approve (docs/operations.md)."""
        area = self.area
        number = self.told("ca", "propose", area.body / "proposal/proposal.json")["number"]
        waits = self.told("ca", "admit", number)
        if "request" in waits:
            self._approve(waits["request"])
        self._body_admitted.write_text(f"{number}\n")

    def _make_seal(self) -> None:
        """Staff approved it; the seal maker's key signs its object when two officers have seen it."""
        self._approve(self.told("seal", "object", conf.SEAL, "--maker", "seal-maker-1", "--reason", "演示印章 demonstration")["id"])
        self._seal_made.write_text(f"{conf.SEAL}\n")

    def _approve(self, request: str) -> None:
        """Two officers with their cards, and the deed."""
        for person in conf.officers(self.area)[:2]:
            self.told("request", "approve", request, "--card", self.area.officers / f"{person['id']}.conf", "--confirm", request[-6:])
        self.told("request", "execute", request)

    def _provision(self, stage: Stage) -> None:
        """A fresh SoftHSM token; afterwards nothing may write there (docs/operations.md, The token)."""
        store = self.area.token / "store"
        store.mkdir(mode=0o700)
        conf.write_pins(self.area)
        run_logged(stage, [self.area.bin / "xinyin-signer", *conf.provision_arguments(self.area)],
                   str(self.area.log / "setup.log"), cwd=str(self.area.home), env=ENVIRONMENT)
        make_read_only(store)

    def _renew_lists(self) -> None:
        try:
            self.tool(None, *conf.renew_lists_arguments(self.area))
        except Failure as failure:
            self._log(str(failure))

    def _answers(self, port: int) -> str | None:
        url = f"http://127.0.0.1:{port}/health/ready"
        status = browse.status_of(url)
        return None if status == 200 else f"{url} answered {status or 'nothing'}"

    def _make_sample(self) -> None:
        area = self.area
        seed = conf.seeded(area)
        token = browse.log_in(self.ports.public_url, seed["test_client"], seed["person"]["username"],
                              seed["person"]["password"], "openid profile documents")
        made, pdf = browse.issue_certificate(self.ports.public_url, token)
        (area.demo / "sample.pdf").write_bytes(pdf)
        (area.demo / "sample.json").write_text(json.dumps(made, ensure_ascii=False, indent=2))

    def run(self) -> int:
        try:
            self.start()
        except Stopped:
            say("Stopped before it was ready.")
            self.supervisor.stop_all()
            return 130
        except BaseException as error:
            self._state("failed", str(error))
            self.supervisor.stop_all()
            raise
        # Not into a log: it holds passwords. Whoever detached us shows it.
        if not self.detached:
            say((self.area.demo / "try-this.txt").read_text())
        self.supervisor.watch(self._renew_lists, every_s=6 * 3600)
        with Stage("Stopping"):
            self.supervisor.stop_all()
        self.area.state.unlink(missing_ok=True)
        return 0


def make_read_only(directory: Path) -> None:
    for path in sorted(directory.rglob("*"), reverse=True):
        path.chmod(0o500 if path.is_dir() else 0o400)
    directory.chmod(0o500)


def make_writable(directory: Path) -> None:
    directory.chmod(0o700)
    for path in sorted(directory.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--shown-as", required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--detached", action="store_true")
    options = parser.parse_args()
    os.umask(0o077)
    os.chdir(options.home)
    return Stack(Area(options.home, options.bin, options.tree), options.port, options.shown_as,
                 options.detached).run()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"\n{colour('31', 'tools/dev:')} {failure}", file=sys.stderr, flush=True)
        sys.exit(1)
