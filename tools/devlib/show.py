"""What a person sees while tools/dev works: stages with their times, and quiet logs shown on failure."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time

BAR = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Failure(Exception):
    """Something the person can mend; shown without a traceback."""


def colour(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def say(text: str = "") -> None:
    print(text, flush=True)


class Stage:
    """One stage of work: a line with its name, what it is at, and how long it took.

    On a terminal the line is redrawn while it works; in a log it is one line at the end, and a sign of
    life every 20 seconds before that.
    """

    def __init__(self, name: str):
        self.name = name
        self.detail = ""
        self.note = ""
        self._started = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> "Stage":
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._done.set()
        self._thread.join()
        mark = colour("32", "✔") if kind is None else colour("31", "✘")
        self._line(f"  {mark} {self.name}  {colour('2', self._time())}{'  ' + self.note if self.note else ''}")
        if sys.stdout.isatty():
            sys.stdout.write("\n")
        sys.stdout.flush()

    def _time(self) -> str:
        took = time.monotonic() - self._started
        return f"{took:.1f} s" if took < 60 else f"{int(took) // 60} min {int(took) % 60:02} s"

    def _line(self, text: str) -> None:
        sys.stdout.write(("\r\033[2K" + text) if sys.stdout.isatty() else text + "\n")
        sys.stdout.flush()

    def _live(self) -> None:
        turn = 0
        tty = sys.stdout.isatty()
        while not self._done.wait(0.1 if tty else 20):
            turn += 1
            detail = f"  {self.detail}" if self.detail else ""
            mark = BAR[turn % len(BAR)] if tty else "…"
            self._line(f"  {mark} {self.name}  {colour('2', self._time())}{detail}")


def run_logged(stage: Stage | None, argv: list, log: str, cwd: str | None = None, env: dict | None = None,
               hint: str = "") -> None:
    """Runs a program with its output in `log`; on failure shows the end of it.

    Ninja's and apt's progress ([12/340]) is shown in the stage's line.
    """
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "ab") as out:
        out.write(f"$ {' '.join(map(str, argv))}\n".encode())
        out.flush()
        begun = out.tell()
        process = subprocess.Popen([str(a) for a in argv], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            for line in process.stdout:
                out.write(line)
                out.flush()
                progress = re.match(rb"\[(\d+/\d+)\]", line)
                if stage and progress:
                    stage.detail = progress.group(1).decode()
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code != 0:
        raise Failure(f"{os.path.basename(str(argv[1 if argv[0] == 'nice' else 0]))} failed ({describe_exit(code)}).\n{tail(log, begun=begun)}\n"
                      f"All of its output: {log}" + (f"\n{hint}" if hint else ""))


def describe_exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def tail(path: str, lines: int = 30, begun: int = 0) -> str:
    """The last lines of a log, none from before the offset `begun`."""
    with contextlib.suppress(OSError):
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(begun, file.tell() - 32_768))
            text = file.read().decode("utf-8", "replace").splitlines()[-lines:]
            return "\n".join("    " + line for line in text)
    return ""
