"""Damage files at random and read them: ``python -m gwsa.tests.faults.fuzz [FILES] [READER...]``.

A forked worker reads one damaged file after another. A worker that ends, or is silent for longer
than ``SILENT_SECONDS``, is recorded with its file and replaced. The damage of a file follows from
its number, so that each finding can be made again.

Files that the plugin reads in children are read by the worker itself, which is some ten times as
fast. Each file that it does not plainly read or refuse there, and one in ``CHECKED``, is read as
the plugin does it, and what comes of that counts.
"""

from __future__ import annotations

import os
import random
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.tests.faults.fuzz_children import fork_children, read_here
from gwsa.tests.faults.fuzz_layers import LAYER_READERS
from gwsa.tests.faults.fuzz_readers import CORE_READERS, Reader

READERS = {**CORE_READERS, **LAYER_READERS}

SILENT_SECONDS = 10.0
START_SECONDS = 120.0  # of QGIS
# In the worker itself, after which a child has its turn.
PATIENCE = 2.0
MOST_MEMORY = 2_000_000  # KiB
ADDRESSES = 8 << 30  # bytes that a worker can use beyond those that it has
# GDAL keeps damaged files open: files of a worker, and one file among so many that is read in
# children for certain.
BATCH = 200
CHECKED = 20
TOKENS = [b"null", b"-1", b"1e308", b"[]", b"{}", b'""', b"true", b"9" * 20, b'"x"', b"NaN", b"0"]
READ, REFUSED, HANG, SLOW, ENDED = "read", "refused", "hang", "slow", "crash"


def fuzz(name: str, files: int, folder: Path, seconds: float = float("inf")) -> Run:
    """Read damaged files.

    Parameters
    ----------
    name : str
        A key of ``READERS``.
    files : int
        Number of damaged files.
    folder : Path
        For the undamaged files and the damaged one; files with findings stay there.
    seconds : float
        No further file is read after this time.
    """
    reader = READERS[name]
    seeds = folder / "seeds"
    seeds.mkdir(parents=True)
    contents = [path.read_bytes() for path in reader.seeds(seeds)]
    run = Run(reader, contents, folder, time.monotonic() + seconds)
    number = 0
    while number < files and time.monotonic() < run.end:
        number = run.read(range(number, min(number + BATCH, files)), reader.in_child)
    return run


@dataclass
class Run:
    """Damaged files of a reader, and what came of them.

    Attributes
    ----------
    reader : Reader
    contents : list of bytes
        The undamaged files.
    folder : Path
    end : float
        When no further file is read.
    counts : Counter
        How many files were ``read``, ``refused``, or had a finding, by its description.
    memory : int
        Most memory that reading took, KiB.
    """

    reader: Reader
    contents: list[bytes]
    folder: Path
    end: float
    counts: Counter = field(default_factory=Counter)
    memory: int = 0

    def read(self, numbers: range, directly: bool, is_last: bool = False) -> int:
        """Read files until one ends the worker, and return the number of the next file.

        Parameters
        ----------
        numbers : range
            The first is read also after ``end``.
        directly : bool
            Whether the worker reads files itself that the plugin reads in children.
        is_last : bool
            Whether a slow file is not read again; on a loaded machine any file can be slow.
        """
        answers, worker_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            # Its children are of its group, and end with it.
            os.setpgid(0, 0)
            os.close(answers)
            self._work(numbers, directly, worker_end)
        with suppress(OSError):
            os.setpgid(pid, pid)
        os.close(worker_end)
        number = numbers.start
        with os.fdopen(answers, "rb", buffering=0) as stream:
            _, finding = _answer(stream, START_SECONDS)
            while number < numbers.stop and finding not in (HANG, ENDED):
                if number > numbers.start and time.monotonic() > self.end:
                    break
                taken, finding = _answer(stream, PATIENCE if directly else SILENT_SECONDS)
                if not directly or finding in (READ, REFUSED):
                    self.memory = max(self.memory, taken)
                if finding not in (HANG, ENDED):
                    self._note(finding, number, directly, is_last)
                    number += 1
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if finding in (HANG, ENDED):
            signalled = f", signal {os.WTERMSIG(status)}" if finding == ENDED else ""
            self._note(finding + signalled, number, directly, is_last)
            number += 1
        return number

    def _note(self, finding: str, number: int, directly: bool, is_last: bool) -> None:
        is_slow = finding.startswith((HANG, SLOW)) and not is_last
        if is_slow or (directly and finding not in (READ, REFUSED)):
            self.read(range(number, number + 1), directly=False, is_last=not directly)
            return
        self.counts[finding] += 1
        if finding not in (READ, REFUSED) and self.counts[finding] <= 3:
            self._write(self.folder / f"{number}-{self.reader.name}", number)

    def _write(self, path: Path, number: int) -> None:
        path.write_bytes(damaged(self.contents[number % len(self.contents)], number))

    def _work(self, numbers: range, directly: bool, answers: int) -> None:
        """Read damaged files in a worker, and write a line about each; never returns."""
        log = os.open(self.folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        warnings.simplefilter("ignore")
        fork_children()
        self.reader.prepare()
        _limit_memory()
        before = _peak_memory()
        os.write(answers, b"0 ready\n")
        for number in numbers:
            if self.reader.in_child:
                read_here(directly and number % CHECKED > 0)
            # What GDAL keeps of a file must not be found at the next one.
            folder = self.folder / str(number) if self.reader.in_child else self.folder
            folder.mkdir(exist_ok=True)
            path = folder / self.reader.name
            self._write(path, number)
            finding = _outcome(self.reader, path)
            taken = _peak_memory() - before
            if taken > MOST_MEMORY:
                finding = f"more than 2 GB, {finding}"
            if self.reader.in_child:
                shutil.rmtree(folder)
            os.write(answers, f"{taken} {finding}\n".encode())
        os._exit(0)


def damaged(content: bytes, number: int) -> bytes:
    """Return a file with the damage of a number: bits, blocks, its end, or tokens of JSON."""
    chance = random.Random(number)
    data = bytearray(content)
    if content.startswith(b"{") and chance.random() < 0.7:
        for _ in range(chance.choice((1, 1, 2))):
            places = [m.span() for m in re.finditer(rb'"[^"]*"|-?\d+(\.\d+)?|\[[^\[\]{}]*\]', data)]
            start, stop = chance.choice(places)
            data[start:stop] = chance.choice(TOKENS)
        return bytes(data)
    kind = chance.randrange(5)
    if kind == 0:
        return content[: chance.randrange(len(content))]
    if kind == 1:
        start = chance.randrange(len(data))
        data[start : start + chance.choice((1, 4, 64, 2000))] = chance.randbytes(8)
    elif kind == 2:
        start = chance.randrange(min(len(data), 3000))
        data[start : start + 8] = chance.choice((b"\xff" * 8, bytes(8), b"\x7f" + b"\xff" * 7))
    else:
        most = len(data) if kind == 3 else min(len(data), 4000)
        for _ in range(chance.choice((1, 1, 2, 3, 10, 50))):
            data[chance.randrange(most)] ^= 1 << chance.randrange(8)
    return bytes(data)


def _answer(stream, seconds: float) -> tuple[int, str]:
    """The memory and the finding of the next file."""
    if not select.select([stream], [], [], seconds)[0]:
        return 0, HANG
    line = stream.readline().decode().strip()
    taken, _, finding = line.partition(" ")
    return (int(taken), finding) if line else (0, ENDED)


def _limit_memory() -> None:
    """Forget the peak of the process that this one was forked from, and limit its addresses."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, most))


def _peak_memory() -> int:
    """Largest memory of this process, or of a child that has ended, as ``ru_maxrss``."""
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in usages)


def _outcome(reader: Reader, path: Path) -> str:
    started = time.monotonic()
    try:
        reader.read(path)
        word = READ
    except (InputError, OSError):
        word = REFUSED
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        word = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
    return f"{SLOW}, {word}" if time.monotonic() - started > SILENT_SECONDS else word


def main(files: int, names: list[str]) -> int:
    """Fuzz readers, print what came out, and return 1 if there was a finding."""
    failed = False
    for name in names or READERS:
        folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
        run = fuzz(name, files, folder)
        findings = set(run.counts) - {READ, REFUSED}
        failed |= bool(findings)
        place = f", files in {folder}" if findings else ""
        print(f"{name}: {dict(run.counts)}, at most {run.memory >> 10} MiB{place}", flush=True)
        if not findings:
            shutil.rmtree(folder)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2:]))
