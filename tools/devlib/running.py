"""`tools/dev run` and `tools/dev stop`: build, choose who runs it, hand over to stack.py."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import layout
from show import Failure, Stage, say, tail

START_DEADLINE_S = 300


def var_of(options) -> Path:
    return Path(os.path.abspath(options.var)) if options.var else layout.CHECKOUT / "var"


def existing_home(var: Path) -> Path:
    return Path(os.path.realpath(var))


def run(options) -> int:
    if options.port is not None and not 1024 <= options.port <= 65_000:
        raise Failure("--port takes a number from 1024 to 65000.")
    var = var_of(options)
    running = running_pid(existing_home(var))
    if running:
        raise Failure(f"It is running already on {var} (process {running}). Stop it with: tools/dev stop"
                      + (f" --var {var}" if options.var else ""))
    if options.bin:
        binaries = Path(os.path.abspath(options.bin))
    else:
        binaries = layout.CHECKOUT / "build" / "release" / "bin"
        if not options.no_build:
            import building
            building.build("release", layout.PROGRAMS, "Building the release")
    area = layout.prepare(var, binaries)
    command = ["/usr/bin/python3", "-B", str(area.tree / "tools/devlib/stack.py"), "--home", str(area.home),
               "--bin", str(area.bin), "--tree", str(area.tree), "--shown-as", str(var)]
    if options.port is not None:
        command += ["--port", str(options.port)]
    if options.detach:
        command.append("--detached")
    command = layout.as_user(area, command)
    sys.stdout.flush()
    if not options.detach:
        os.execv(command[0], command)
    return detach(area, command)


def detach(area: layout.Area, command: list[str]) -> int:
    for directory in (area.home / "log", area.home / "run"):
        directory.mkdir(mode=0o700, exist_ok=True)
        if area.user:
            import pwd
            user = pwd.getpwnam(area.user)
            os.chown(directory, user.pw_uid, user.pw_gid)
    area.state.unlink(missing_ok=True)
    log = area.log / "run.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                   start_new_session=True, cwd="/")
    until = time.monotonic() + START_DEADLINE_S
    try:
        with Stage("Starting") as stage:
            while True:
                state = read_state(area.home)
                stage.detail = state.get("at", "")
                if state.get("phase") == "ready":
                    break
                if process.poll() is not None:
                    raise Failure(f"It did not start.\n{tail(str(log), 40)}\nIts log: {log}")
                if time.monotonic() > until:
                    process.terminate()
                    raise Failure(f"It was not ready within {START_DEADLINE_S} s.\n{tail(str(log), 40)}")
                time.sleep(0.05)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    say((area.demo / "try-this.txt").read_text())
    return 0


def read_state(home: Path) -> dict:
    try:
        return json.loads((home / "run" / "state.json").read_text())
    except (OSError, ValueError):
        return {}


def running_pid(home: Path) -> int | None:
    """The supervisor's process id, told by the lock it holds: a stale file means nothing."""
    lock = home / "run" / "lock"
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return int(os.read(descriptor, 20) or b"0") or None
    finally:
        os.close(descriptor)


def stop(options) -> int:
    var = var_of(options)
    home = existing_home(var)
    pid = running_pid(home)
    if not pid:
        say(f"Nothing runs on {var}.")
        return 0
    with Stage("Stopping"):
        try:
            os.kill(pid, signal.SIGTERM)
        except PermissionError:
            raise Failure(f"Process {pid} belongs to somebody else.") from None
        until = time.monotonic() + 60
        while running_pid(home):
            if time.monotonic() > until:
                raise Failure(f"Process {pid} did not stop within 60 s; its logs are in {home / 'log'}.")
            time.sleep(0.05)
    return 0


