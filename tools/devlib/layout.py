"""Where things are: the checkout, the build, and the `var` of one running system.

As root nothing may run (PostgreSQL refuses, and a demonstration has no business with root's rights), and
the checkout may lie where nobody else can enter. Then the system user `xinyin-demo` runs everything from
/var/lib/xinyin-demo/<hash of var's path>, programs are copied there, and `var` is a symbolic link to it.
Anybody else works in `var` itself.
"""

import filecmp
import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from show import Failure

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DEMO_USER = "xinyin-demo"
DEMO_HOME = Path("/var/lib/xinyin-demo")
PROGRAMS = ["xinyind", "xinyin-signer", "xinyin", "xinyin-verify"]
# What the running system needs of the source tree.
RUNTIME_TREES = ["tools/devlib", "tools/demo_portal"]
RUNTIME_FILES = ["tests/fakes/body_simulator.py", "tests/fakes/proofing_simulator.py", "tests/fakes/sms_simulator.py", "store/roles.sql", "certs/demo_ceremony.json"]


@dataclass
class Area:
    """The directories of one running system. `home` is real, never a link."""

    home: Path
    bin: Path
    tree: Path  # holds tools/devlib and tools/demo_portal
    user: str | None = None  # runs everything; None: whoever we are

    @property
    def etc(self) -> Path: return self.home / "etc"
    @property
    def secrets(self) -> Path: return self.home / "etc" / "secrets"
    @property
    def log(self) -> Path: return self.home / "log"
    @property
    def run(self) -> Path: return self.home / "run"
    @property
    def postgres(self) -> Path: return self.home / "postgres"
    @property
    def token(self) -> Path: return self.home / "token"
    @property
    def officers(self) -> Path: return self.home / "officers"
    @property
    def pki(self) -> Path: return self.home / "pki"
    @property
    def body(self) -> Path: return self.home / "body"
    @property
    def demo(self) -> Path: return self.home / "demo"
    @property
    def state(self) -> Path: return self.run / "state.json"
    @property
    def lock(self) -> Path: return self.run / "lock"

    @property
    def sockets(self) -> Path:
        """Unix socket paths are limited to 107 bytes; a deep `var` keeps its sockets elsewhere."""
        if len(os.fsencode(self.run)) <= 80:
            return self.run
        short = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path("/tmp") / f"xinyin-{os.getuid()}-{short}"

    def make_directories(self) -> None:
        for directory in [self.home, self.etc, self.secrets, self.log, self.run, self.token, self.officers, self.pki,
                          self.body, self.demo, self.sockets]:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.sockets.stat().st_uid != os.getuid():
            raise Failure(f"{self.sockets} belongs to somebody else; remove it or choose another --var.")


def demo_area_of(var: Path) -> Path:
    return DEMO_HOME / hashlib.sha256(os.fsencode(var)).hexdigest()[:12]


def prepare(var: Path, bin_directory: Path) -> Area:
    """Makes the area of `var` for the present user; as root, for the demonstration user."""
    var = Path(os.path.abspath(var))
    if os.geteuid() != 0:
        home = Path(os.path.realpath(var))
        area = Area(home=home, bin=bin_directory, tree=CHECKOUT)
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"Cannot make {home}: {error.strerror}. Choose another place with --var.") from error
        return area

    user = ensure_demo_user()
    home = demo_area_of(var)
    if var.is_symlink():
        if Path(os.path.realpath(var)) != home:
            raise Failure(f"{var} is a link to {os.path.realpath(var)}, which tools/dev did not make. "
                          f"Remove it or choose another place with --var.")
    elif var.exists():
        if any(var.iterdir()):
            raise Failure(f"{var} already exists and is not empty, and as root the data live under "
                          f"{DEMO_HOME}. Remove it or choose another place with --var.")
        var.rmdir()
    if not var.is_symlink():
        var.parent.mkdir(parents=True, exist_ok=True)
        var.symlink_to(home)
    for directory in [DEMO_HOME, home]:
        directory.mkdir(mode=0o700, exist_ok=True)
        os.chown(directory, user.pw_uid, user.pw_gid)
    # Copied because the checkout may lie in a directory that the demonstration user cannot enter.
    program = home / "program"
    program.mkdir(mode=0o755, exist_ok=True)
    (program / "bin").mkdir(mode=0o755, exist_ok=True)
    for name in PROGRAMS:
        copy_if_changed(bin_directory / name, program / "bin" / name)
    for tree in RUNTIME_TREES:
        copy_tree(CHECKOUT / tree, program / tree)
    for file in RUNTIME_FILES:
        (program / file).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        copy_if_changed(CHECKOUT / file, program / file)
    return Area(home=home, bin=program / "bin", tree=program, user=user.pw_name)


def ensure_demo_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(DEMO_USER)
    except KeyError:
        made = subprocess.run(["/usr/sbin/useradd", "--system", "--user-group", "--home-dir", str(DEMO_HOME),
                               "--no-create-home", "--shell", "/usr/sbin/nologin", DEMO_USER],
                              capture_output=True, text=True)
        if made.returncode != 0:
            raise Failure(f"Cannot make the system user {DEMO_USER}: {made.stderr.strip()}") from None
        return pwd.getpwnam(DEMO_USER)


def copy_if_changed(source: Path, target: Path) -> None:
    if not source.exists():
        raise Failure(f"{source} is missing: it was not built.")
    now = source.stat()
    if target.exists():
        then = target.stat()
        if (then.st_size, then.st_mtime_ns) == (now.st_size, now.st_mtime_ns):
            return
    fresh = target.with_name(target.name + ".new")
    shutil.copy2(source, fresh)
    fresh.chmod(0o755)
    fresh.rename(target)  # a running program keeps its old bytes


def copy_tree(source: Path, target: Path) -> None:
    """Makes `target` equal `source` for readers of any account."""
    target.mkdir(mode=0o755, parents=True, exist_ok=True)
    wanted = {p.relative_to(source) for p in source.rglob("*") if "__pycache__" not in p.parts}
    for relative in sorted(wanted):
        from_path, to_path = source / relative, target / relative
        if from_path.is_dir():
            to_path.mkdir(mode=0o755, exist_ok=True)
            to_path.chmod(0o755)
        elif not to_path.exists() or not filecmp.cmp(from_path, to_path, shallow=False):
            shutil.copyfile(from_path, to_path)
            to_path.chmod(0o644)
    for path in sorted(target.rglob("*"), reverse=True):
        if path.relative_to(target) not in wanted:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def as_user(area: Area, argv: list) -> list:
    """The command that runs `argv` as the area's user, without any of root's rights or groups."""
    if area.user is None:
        return argv
    return ["/usr/bin/setpriv", f"--reuid={area.user}", f"--regid={area.user}", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--", *argv]
