"""Damage files at random and read them: ``python -m gwsa.tests.faults.fuzz [FILES] [READER...]``.

A forked worker reads one damaged file after another. A worker that ends, or is silent for longer
than ``SILENT_SECONDS``, is recorded with its file and replaced. The damage of a file follows from
its number, so that each finding can be made again.
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
from pathlib import Path

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.tests.faults.fuzz_readers import READERS, Reader

SILENT_SECONDS = 10.0
MOST_MEMORY = 2_000_000  # KiB
TOKENS = [b"null", b"-1", b"1e308", b"[]", b"{}", b'""', b"true", b"9" * 20, b'"x"', b"NaN", b"0"]
READ, REFUSED = "read", "refused"


def fuzz(name: str, files: int, folder: Path, seconds: float = float("inf")) -> Counter:
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

    Returns
    -------
    Counter
        How many files were ``read``, ``refused``, or had a finding, by its description.
    """
    reader = READERS[name]
    seeds = folder / "seeds"
    seeds.mkdir(parents=True)
    contents = [path.read_bytes() for path in reader.seeds(seeds)]
    counts: Counter = Counter()
    end = time.monotonic() + seconds
    next_file = 0
    while next_file < files and time.monotonic() < end:
        next_file = _read_in_worker(reader, contents, range(next_file, files), folder, counts, end)
    return counts


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


def _read_in_worker(
    reader: Reader, contents: list, numbers: range, folder: Path, counts: Counter, end: float
) -> int:
    """Read files until one ends the worker, and return the number of the next file."""
    answers, worker_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(answers)
        _work(reader, contents, numbers, folder, worker_end)
    os.close(worker_end)
    number = numbers.start
    word = b""
    with os.fdopen(answers, "rb", buffering=0) as stream:
        while number < numbers.stop and time.monotonic() < end:
            if not select.select([stream], [], [], SILENT_SECONDS)[0]:
                _note(counts, "hang", number, reader, folder)
                number += 1
                break
            word = stream.readline()
            if not word:
                break
            finding = word.decode().strip()
            if finding in (READ, REFUSED):
                counts[finding] += 1
            else:
                _note(counts, finding, number, reader, folder)
            number += 1
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not word and number < numbers.stop:
        _note(counts, f"crash, signal {os.WTERMSIG(status)}", number, reader, folder)
        number += 1
    return number


def _note(counts: Counter, finding: str, number: int, reader: Reader, folder: Path) -> None:
    counts[finding] += 1
    if counts[finding] <= 3:
        shutil.copy(folder / reader.name, folder / f"{number}-{reader.name}")


def _work(reader: Reader, contents: list, numbers: range, folder: Path, answers: int) -> None:
    """Read damaged files in a worker, and write a line about each; never returns."""
    log = os.open(folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    warnings.simplefilter("ignore")
    reader.prepare()
    # The worker has the pages of the process that it was forked from, and its peak.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = _peak_memory()
    for number in numbers:
        path = folder / reader.name
        path.write_bytes(damaged(contents[number % len(contents)], number))
        os.write(answers, f"{_outcome(reader, path, before)}\n".encode())
    os._exit(0)


def _peak_memory() -> int:
    """Largest memory of this process, or of a child that has ended, as ``ru_maxrss``."""
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in usages)


def _outcome(reader: Reader, path: Path, before: int) -> str:
    started = time.monotonic()
    try:
        reader.read(path)
        word = READ
    except (InputError, OSError):
        word = REFUSED
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        word = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
    if time.monotonic() - started > SILENT_SECONDS:
        return f"slow, {word}"
    return f"more than 2 GB, {word}" if _peak_memory() - before > MOST_MEMORY else word


def main(files: int, names: list[str]) -> int:
    """Fuzz readers, print what came out, and return 1 if there was a finding."""
    found = False
    for name in names or READERS:
        folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
        counts = fuzz(name, files, folder)
        findings = set(counts) - {READ, REFUSED}
        found |= bool(findings)
        print(f"{name}: {dict(counts)}" + (f", files in {folder}" if findings else ""), flush=True)
        if not findings:
            shutil.rmtree(folder)
    return int(found)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2:]))
