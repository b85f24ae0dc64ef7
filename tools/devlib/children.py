"""The processes of a running system: started in order, restarted when they die, stopped in reverse.

Does what unit files do in a real installation (tools/systemd/), with the same order and signals.
"""

import ctypes
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from show import Failure, describe_exit, tail

PR_SET_PDEATHSIG = 1
# All that programs get of the environment: they are configured by their files alone.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "TZ": "Asia/Shanghai"}
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Child:
    name: str
    argv: list
    log: Path
    cwd: Path = Path("/")
    stop_signal: int = signal.SIGTERM
    stop_within_s: float = 10.0
    process: subprocess.Popen | None = None
    started_at: float = 0.0
    back_off_s: float = 0.0
    restart_at: float | None = None
    restarts: int = 0

    def start(self) -> None:
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                [str(a) for a in self.argv], env=ENVIRONMENT, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=self._die_with_parent)
        self.started_at = time.monotonic()
        self.restart_at = None

    def _die_with_parent(self) -> None:
        _libc.prctl(PR_SET_PDEATHSIG, self.stop_signal)
        if os.getppid() == 1:
            os._exit(0)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        if not self.alive():
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(self.stop_within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Keeps children alive. SIGINT and SIGTERM ask it to stop; a second one does not hurry it."""

    def __init__(self, say: Callable[[str], None]):
        self.children: list[Child] = []
        self.stopping = False
        self._say = say
        self._wake_read, wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _asked_to_stop(self, *_) -> None:
        self.stopping = True

    def start(self, child: Child, ready: Callable[[], str | None], deadline_s: float = 30) -> None:
        """Starts a child and waits until `ready` returns None (it returns what it waits for)."""
        child.start()
        self.children.append(child)
        self.wait(child, ready, deadline_s)

    def wait(self, child: Child, ready: Callable[[], str | None], deadline_s: float) -> None:
        until = time.monotonic() + deadline_s
        while True:
            if self.stopping:
                raise Stopped()
            if not child.alive():
                raise Failure(f"{child.name} ended at once ({describe_exit(child.process.returncode)}).\n"
                              f"{tail(str(child.log))}\nIts log: {child.log}")
            lacking = ready()
            if lacking is None:
                return
            if time.monotonic() > until:
                raise Failure(f"{child.name} was not ready within {deadline_s:.0f} s: {lacking}\n"
                              f"{tail(str(child.log))}\nIts log: {child.log}")
            self._sleep(0.05)

    def watch(self, chore: Callable[[], None], every_s: float) -> None:
        """Until asked to stop: restarts what dies, later each time (0.2 s doubling to 10 s), and does `chore`
        now and then."""
        chore_at = time.monotonic() + every_s
        while not self.stopping:
            now = time.monotonic()
            if now >= chore_at:
                chore_at = now + every_s
                chore()
            next_restart = None
            for child in self.children:
                if child.restart_at is None and not child.alive():
                    lived = now - child.started_at
                    child.back_off_s = 0.2 if lived > 5 else min(10.0, max(0.2, child.back_off_s * 2))
                    child.restart_at = now + child.back_off_s
                    child.restarts += 1
                    self._say(f"{child.name} ended ({describe_exit(child.process.returncode)}) after {lived:.1f} s; "
                              f"starting it again in {child.back_off_s:.1f} s. Its log: {child.log}")
                if child.restart_at is not None:
                    if now >= child.restart_at:
                        child.start()
                    else:
                        next_restart = min(next_restart or child.restart_at, child.restart_at)
            self._sleep(60 if next_restart is None else max(0.01, next_restart - now))

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            while True:
                try:
                    if not os.read(self._wake_read, 512):
                        break
                except BlockingIOError:
                    break

    def stop_all(self) -> None:
        for child in reversed(self.children):
            child.stop()
        self.children.clear()


class Stopped(Exception):
    """Asked to stop while starting."""
