"""CPU seconds of processes with all that they started, from /proc."""

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def _table() -> dict[int, tuple[int, float]]:
    """pid -> parent, seconds used by it and by its ended children."""
    out = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        out[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])) * TICK_S)
    return out


def seconds(roots: list[int]) -> float:
    table = _table()
    wanted, grown = set(roots), True
    while grown:
        more = {pid for pid, (parent, _) in table.items() if parent in wanted} - wanted
        grown = bool(more)
        wanted |= more
    return sum(table[pid][1] for pid in wanted if pid in table)


def resident_mib(roots: list[int]) -> float:
    """Resident memory of these processes alone, MiB."""
    pages = 0
    for pid in roots:
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children(parent: int) -> dict[str, int]:
    """Name of the program -> pid, of the direct children."""
    out = {}
    for pid, (of, _) in _table().items():
        if of == parent:
            out[Path(f"/proc/{pid}/comm").read_text().strip()] = pid
    return out
