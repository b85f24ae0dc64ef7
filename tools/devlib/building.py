"""CMake and Ninja, quietly."""

import contextlib
import fcntl
import os
from pathlib import Path

from layout import CHECKOUT
from show import Failure, Stage, run_logged, say


def log_directory() -> Path:
    path = CHECKOUT / "build" / "log"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"Cannot write to {CHECKOUT / 'build'}: {error.strerror}.") from error
    return path


def jobs() -> str:
    return str(max(2, os.cpu_count() or 2))


def environment() -> dict:
    """Compilers and tools of the distribution, whatever else is first in PATH."""
    env = dict(os.environ)
    env["PATH"] = "/usr/bin:/bin:/usr/sbin:/sbin:" + env.get("PATH", "")
    env.setdefault("CCACHE_MAXSIZE", "5G")
    return env


@contextlib.contextmanager
def alone(name: str, stage: Stage | None = None):
    """One at a time in this checkout: a second call waits for the first, and says so."""
    with open(log_directory() / f"{name}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if stage:
                stage.detail = "waiting for another tools/dev"
            else:
                say("Waiting for another tools/dev …")
            fcntl.flock(file, fcntl.LOCK_EX)
            if stage:
                stage.detail = ""
        yield


def build(preset: str, targets: list[str], title: str, extra: list[str] = ()) -> Path:
    """Configures (when needed) and builds; returns the build directory."""
    directory = CHECKOUT / "build" / preset
    log = log_directory() / f"{preset}.log"
    with Stage(title) as stage, alone(preset, stage):
        log.unlink(missing_ok=True)
        if not (directory / "build.ninja").exists() or extra:
            run_logged(stage, ["cmake", "--preset", preset, *extra], str(log), cwd=str(CHECKOUT), env=environment())
        run_logged(stage, ["nice", "ninja", "-C", directory, "-j", jobs(), *targets], str(log), env=environment())
    return directory
