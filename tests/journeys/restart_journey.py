"""Stop and start on the same data; a process that dies is started again."""

import os
import signal
import subprocess
import time

from journey import (CHECKOUT, OUT, STACK, TRY, Failure, Journey, ask, eventually, fetch, issue, log_in, main, ready,
                     start_issuing)

DEV = ["/usr/bin/python3", "-B", str(CHECKOUT / "tools/devlib/main.py")]


def processes(name: str) -> list[int]:
    """Our stack's processes whose program is `name`."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words and os.path.basename(words[0]).decode() == name and STACK["var"].encode() in b" ".join(words):
                found.append(int(entry))
    return found


def log_in_if_possible() -> str | None:
    """While the signer starts again the token endpoint answers 503; a person would try once more."""
    try:
        return log_in()
    except Failure as failure:
        if " 503" not in str(failure):
            raise
        return None


class RestartJourney(Journey):
    def test_starting_again_on_the_same_data_is_quick_and_keeps_everything(self):
        token = log_in()
        made = issue(token)
        file = fetch(token, made["id"])
        var = str(OUT / "var")
        subprocess.run([*DEV, "stop", "--var", var], check=True)
        self.assertEqual(processes("xinyind") + processes("xinyin-signer") + processes("postgres"), [])
        begun = time.monotonic()
        subprocess.run([*DEV, "run", "--detach", "--var", var, "--bin", os.environ["XINYIN_BIN"]], check=True,
                       stdout=subprocess.DEVNULL)
        took = time.monotonic() - begun
        print(f"\nstarted again in {took:.1f} s")
        self.assertLess(took, 20, "a restart must not redo the set-up (the goal on a quiet machine is 5 s)")
        self.assertEqual(fetch(log_in(), made["id"]), file)
        self.assertEqual(ask("GET", TRY["sample_verify_address"])[0], 200)

    def test_a_killed_supervisor_takes_its_children_along_and_starts_again(self):
        var = str(OUT / "var")
        with open(OUT / "var" / "run" / "lock") as file:
            os.kill(int(file.read()), signal.SIGKILL)
        names = ("xinyind", "xinyin-signer", "postgres", "haproxy", "python3")
        eventually(lambda: not any(processes(name) for name in names), 30, "every child is gone")
        subprocess.run([*DEV, "run", "--detach", "--var", var, "--bin", os.environ["XINYIN_BIN"]], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(ask("GET", TRY["sample_verify_address"])[0], 200)

    def test_a_second_start_on_the_same_data_is_refused(self):
        done = subprocess.run([*DEV, "run", "--var", str(OUT / "var"), "--bin", os.environ["XINYIN_BIN"]],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("running already", done.stderr)

    def test_a_taken_port_is_named(self):
        other = OUT / "other-var"
        done = subprocess.run([*DEV, "run", "--var", str(other), "--port", str(STACK["port"]), "--bin",
                               os.environ["XINYIN_BIN"]], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"Port {STACK['port']} ", done.stderr)
        self.assertIn("--port", done.stderr)

    def test_what_dies_is_started_again(self):
        for name in ("xinyin-signer", "xinyind", "haproxy"):
            before = processes(name)
            self.assertTrue(before, name)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            eventually(lambda: processes(name) and processes(name) != before, 20, f"{name} is started again")
            eventually(ready, 20, f"ready after {name} died")
            token = eventually(log_in_if_possible, 20, f"logging in after {name} died")
            eventually(lambda: start_issuing(token)[0] in (200, 201), 20, f"issuing after {name} died")


if __name__ == "__main__":
    main()
