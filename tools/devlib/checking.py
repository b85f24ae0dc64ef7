"""`tools/dev check`: what a careful person runs before handing work over.

Each step goes on when another failed; the summary at the end says which, and where the output is.
"""

import subprocess
import time

import building
from layout import CHECKOUT
from show import Failure, Stage, colour, run_logged, say

STEPS = ["format", "tidy", "gcc", "clang", "lint", "asan", "tsan"]
SOURCES = ["base", "store", "hsm", "certs", "verify", "auth", "seal", "services", "gateways", "api", "tests", "tools"]
# Threads and processes are where these can find something; the rest is covered by the release run.
SANITIZED = "^(support|postgres\\..*|base|store|hsm|certs|verify|auth|seal|services|gateways|api|fuzz\\..*)$"


def sources(suffixes: tuple, changed_only: bool) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *SOURCES], cwd=CHECKOUT,
                            capture_output=True, text=True, check=True).stdout.split()
    found = [f for f in listed if f.endswith(suffixes) and (CHECKOUT / f).exists()]
    if not changed_only:
        return found
    base = subprocess.run(["git", "merge-base", "HEAD", "@{upstream}"], cwd=CHECKOUT, capture_output=True, text=True)
    since = base.stdout.strip() if base.returncode == 0 else "HEAD~1"
    changed = subprocess.run(["git", "diff", "--name-only", since], cwd=CHECKOUT, capture_output=True, text=True)
    new = subprocess.run(["git", "ls-files", "-o", "--exclude-standard"], cwd=CHECKOUT, capture_output=True, text=True)
    names = set(changed.stdout.split()) | set(new.stdout.split())
    return [f for f in found if f in names]


def step_format(log: str, options) -> None:
    files = sources((".h", ".cpp"), changed_only=False)
    run_logged(None, ["clang-format", "--dry-run", "--Werror", *files], log, cwd=str(CHECKOUT),
               hint="Mend it with: clang-format -i FILES")


def step_tidy(log: str, options) -> None:
    run_logged(None, ["/usr/bin/python3", "-B", "tools/tidy.py"], log, cwd=str(CHECKOUT))


def build_step(preset: str, stage: Stage, log: str, tests: str | None) -> None:
    directory = CHECKOUT / "build" / preset
    env = building.environment()
    with building.alone(preset, stage):
        build_and_test(preset, directory, stage, log, tests, env)


def build_and_test(preset: str, directory, stage: Stage, log: str, tests: str | None, env: dict) -> None:
    run_logged(stage, ["cmake", "--preset", preset], log, cwd=str(CHECKOUT), env=env)
    run_logged(stage, ["nice", "ninja", "-C", directory, "-j", building.jobs(), "-k", "20"], log, env=env)
    if tests:
        env["ASAN_OPTIONS"] = "detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1"
        env["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
        env["TSAN_OPTIONS"] = f"halt_on_error=1:second_deadlock_stack=1:suppressions={CHECKOUT}/tools/tsan.supp"
        stage.detail = "testing"
        run_logged(stage, ["ctest", "--test-dir", directory, "--output-on-failure", "-R", tests], log, env=env)


def step_lint(log: str, options) -> None:
    """clang-tidy over what changed since upstream; --all over everything."""
    directory = CHECKOUT / "build" / "clang"
    files = [f for f in sources((".cpp",), changed_only=not options.all)]
    known = (directory / "compile_commands.json").read_text() if (directory / "compile_commands.json").exists() else ""
    files = [f for f in files if f'"{CHECKOUT / f}"' in known]
    if files:
        run_logged(None, ["run-clang-tidy", "-quiet", "-p", directory, "-j", building.jobs(),
                          *[f"^{CHECKOUT / f}$" for f in files]], log, cwd=str(CHECKOUT))


def check(options) -> int:
    if unknown := set(options.only) - set(STEPS):
        raise Failure(f"--only knows {', '.join(STEPS)}; not {', '.join(unknown)}.")
    wanted = [s for s in STEPS if not options.only or s in options.only]
    results = []
    for name in wanted:
        log = building.log_directory() / f"check-{name}.log"
        log.unlink(missing_ok=True)
        started = time.monotonic()
        try:
            with Stage(name) as stage:
                if name == "format":
                    step_format(str(log), options)
                elif name == "tidy":
                    step_tidy(str(log), options)
                elif name == "lint":
                    step_lint(str(log), options)
                else:
                    preset = {"gcc": "dev"}.get(name, name)
                    build_step(preset, stage, str(log), SANITIZED if name in ("asan", "tsan") else None)
            results.append((name, None, log, time.monotonic() - started))
        except Failure as failure:
            say(str(failure))
            results.append((name, failure, log, time.monotonic() - started))
    say("\nSummary")
    for name, failure, log, took in results:
        mark = colour("31", "failed") if failure else colour("32", "passed")
        say(f"  {name:8} {mark}  {took:6.0f} s" + (f"   {log}" if failure else ""))
    return 1 if any(failure for _, failure, _, _ in results) else 0


