"""Download one file: in pieces that a later run goes on from, checked before it gets its name."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from ..base.progress import Progress
from ..files.atomic import publish, replace_text
from ..files.provenance import sha256
from .client import Client
from .content import find_damage, look_at_beginning
from .http import Answer, Interrupted, OutOfRange, Refused, Request, content_range
from .logins import read_logins
from .remote_file import RemoteFile

# How the content of a file was checked.
BY_CHECKSUM = "checksum"
BY_LENGTH = "length"
UNVERIFIED = "unverified"
# Bytes of the beginning that are looked at before more is kept.
BEGINNING = 512
# Times that a damaged file is fetched.
MOST_DAMAGED = 2


class Downloaded(NamedTuple):
    """A file that is there and checked.

    Attributes
    ----------
    sha256 : str
        Hexadecimal digits.
    bytes : int
        Its size.
    verified : str
        BY_CHECKSUM, BY_LENGTH, or UNVERIFIED if only its format was checked.
    version : str
        What the server states to tell a later version from this one.
    """

    sha256: str
    bytes: int
    verified: str
    version: str


def download(
    client: Client,
    file: RemoteFile,
    target: Path,
    progress: Progress,
    arrived: Callable[[int], None] = lambda count: None,
    find_fault: Callable[[Path], str] = lambda path: "",
) -> Downloaded:
    """Download a file, from where an earlier run ended.

    What has come is kept beside ``target`` when the run ends early. ``target`` appears only once
    the file is whole and checked: by the checksum or the length that the source states, and by its
    format.

    Parameters
    ----------
    client : Client
    file : RemoteFile
    target : Path
        Final name.
    progress : Progress
        Asked whether to stop.
    arrived : callable
        Told the number of bytes of each piece.
    find_fault : callable
        Returns what is wrong with a file of the right format; empty if nothing is.

    Returns
    -------
    Downloaded

    Raises
    ------
    Refused
        When the server does not give the file, or gives another one.
    Cancelled
        When the user cancelled.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target, file.url)
    if finished := part.finished(target, progress):
        return finished
    damages: list[str] = []

    def attempt() -> Downloaded:
        _fetch_rest(client, file, part, arrived)
        damage = _damage(file, part) or find_fault(part.path)
        if damage:
            part.discard()
            damages.append(damage)
            if len(damages) == MOST_DAMAGED:
                raise Refused(f"{damage}, {MOST_DAMAGED} times in a row; run it again later.")
            raise Interrupted(damage)
        return _finish(file, part, target, progress)

    return client.repeat(attempt, lambda: part.size)


class Part:
    """What has come of a file, with what the server stated about it.

    Parameters
    ----------
    target : Path
        Final name of the file.
    url : str
        Its address. The part of another address is discarded.
    """

    def __init__(self, target: Path, url: str):
        self.path = target.with_name(f".{target.name}.part")
        self._facts_path = _facts_path(target)
        self.facts = self._read_facts()
        if self.facts.get("url") != url:
            self.discard()
            self.facts = {"url": url}

    @property
    def size(self) -> int:
        """Number of bytes that have come."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def validator(self) -> str:
        """What the server needs to state again for the rest to belong to this part."""
        return validator(self.facts)

    def begin(self, answer: Answer) -> None:
        """Start anew with the facts of an answer."""
        names = ("etag", "last-modified", "content-encoding")
        stated = {name: answer.headers[name] for name in names if name in answer.headers}
        self.facts = {"url": self.facts["url"], **stated, "total": _total(answer)}
        self.path.write_bytes(b"")
        self.keep_facts()

    def discard(self) -> None:
        """Remove what has come."""
        self.path.unlink(missing_ok=True)
        self._facts_path.unlink(missing_ok=True)
        self.facts = {"url": self.facts.get("url", "")}

    def publish(self, made: Path, target: Path, downloaded: Downloaded) -> None:
        """Give a whole file its final name, and keep its facts until ``forget_part``."""
        self.facts["downloaded"] = downloaded._asdict()
        self.keep_facts()
        publish(made, target)

    def finished(self, target: Path, progress: Progress) -> Downloaded | None:
        """Return what an earlier run published but did not record; None if it did not."""
        facts = self.facts.get("downloaded")
        if not facts or not target.exists() or sha256(target, progress) != facts["sha256"]:
            return None
        return Downloaded(**facts)

    def keep_facts(self) -> None:
        """Write the facts beside the part."""
        replace_text(self._facts_path, json.dumps(self.facts))

    def _read_facts(self) -> dict:
        try:
            facts = json.loads(self._facts_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}


def validator(facts: dict) -> str:
    """Return the ETag, or else Last-Modified, with which the rest of a file can be asked for.

    Empty where there is none, and for compressed content: it is not known where in it the part
    ends.
    """
    if _is_coded(facts):
        return ""
    etag = facts.get("etag", "")
    return etag if etag and not etag.startswith("W/") else facts.get("last-modified", "")


def _fetch_rest(
    client: Client, file: RemoteFile, part: Part, arrived: Callable[[int], None]
) -> None:
    """Fetch what is missing of a file."""
    if part.size and part.size == part.facts.get("total"):
        return
    headers = {}
    if part.size and part.validator:
        headers["Range"] = f"bytes={part.size}-"
        headers["If-Range"] = part.validator
    elif part.size:
        part.discard()
    writer = _Writer(part, file, arrived)
    try:
        client.send(Request(file.url, headers), writer.write, read_logins().get(file.login))
        writer.close()
    except OutOfRange:
        part.discard()
        raise
    finally:
        writer.end()


def forget_part(target: Path) -> None:
    """Remove the facts of a file once its record is written."""
    _facts_path(target).unlink(missing_ok=True)


def _facts_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.part.json")


class _Writer:
    """Writes an answer behind what has come."""

    def __init__(self, part: Part, file: RemoteFile, arrived: Callable[[int], None]):
        self._part = part
        self._file = file
        self._arrived = arrived
        self._stream: FileIO | None = None
        self._inflate: Any = None

    def write(self, answer: Answer, piece: bytes) -> None:
        """Append a piece of the body."""
        stream = self._stream or self._open(answer)
        self._arrived(len(piece))
        if self._inflate:
            piece = self._inflated(piece)
        begins = stream.tell() < BEGINNING
        _append(stream, piece)
        try:
            if begins:
                self._look_at_beginning()
            self._look_at_length(stream.tell())
        except Refused:
            # It is another file, so that no later run can go on from it.
            self.end()
            self._part.discard()
            raise

    def close(self) -> None:
        """Check the end of a body that came as a whole."""
        if self._stream is None:
            raise Interrupted(f"{self._file.name} came without content")
        if self._inflate and not self._inflate.eof:
            raise Interrupted(f"{self._file.name} ended early")

    def end(self) -> None:
        """Close the file, whatever happened."""
        if self._stream:
            self._stream.close()

    def _look_at_beginning(self) -> None:
        with open(self._part.path, "rb") as part:
            look_at_beginning(part.read(BEGINNING), self._file.form, self._file.name)

    def _look_at_length(self, length: int) -> None:
        limit = self._file.published_size
        if limit is not None and length > limit:
            raise Refused(
                f"{self._file.name} is longer than the {limit:,} bytes that its source states; "
                "run it again later."
            )

    def _open(self, answer: Answer) -> FileIO:
        if _is_coded(answer.headers):
            self._inflate = zlib.decompressobj(32 + zlib.MAX_WBITS)
        if answer.status != 206:
            self._part.begin(answer)
        elif not _continues(answer, self._part):
            self._part.discard()
            raise Interrupted(f"{self._file.name} has changed on the server")
        self._stream = FileIO(self._part.path, "ab")
        return self._stream

    def _inflated(self, piece: bytes) -> bytes:
        try:
            return self._inflate.decompress(piece)
        except zlib.error:
            raise Interrupted(f"{self._file.name} came with damaged compression") from None


def _damage(file: RemoteFile, part: Part) -> str:
    """What is wrong with a part that has come as a whole; empty if nothing is."""
    expected = _expected_size(file, part)
    if expected is not None and part.size != expected:
        return f"{file.name} has {part.size:,} bytes instead of {expected:,}"
    if file.checksum:
        if _digest(part.path, file.checksum.algorithm) != file.checksum.value:
            return f"{file.name} does not have the checksum that its source states"
        return ""
    return find_damage(part.path, file.form, file.name)


def _expected_size(file: RemoteFile, part: Part) -> int | None:
    """Number of bytes that the source or the server states."""
    return part.facts.get("total") if file.published_size is None else file.published_size


def _finish(file: RemoteFile, part: Part, target: Path, progress: Progress) -> Downloaded:
    """Give a part that is whole its name."""
    size = part.size
    digest = sha256(part.path, progress)
    known = _expected_size(file, part) is not None
    verified = BY_CHECKSUM if file.checksum else BY_LENGTH if known else UNVERIFIED
    version = file.version or part.facts.get("etag") or part.facts.get("last-modified", "")
    downloaded = Downloaded(digest, size, verified, version)
    part.publish(part.path, target, downloaded)
    return downloaded


def _continues(answer: Answer, part: Part) -> bool:
    """Whether a partial answer is the rest of what has come."""
    found = content_range(answer)
    if not found or found[0] != part.size:
        return False
    total = part.facts.get("total")
    same = all(
        answer.headers.get(name, value) == value
        for name, value in part.facts.items()
        if name in ("etag", "last-modified")
    )
    return same and (total is None or found[1] in (None, total))


def _total(answer: Answer) -> int | None:
    """Number of bytes of the file according to the server; None where it does not state it."""
    text = answer.headers.get("content-length", "")
    return int(text) if text.isdigit() and not _is_coded(answer.headers) else None


def _is_coded(headers: dict) -> bool:
    """Whether the content comes compressed, although that was not asked for."""
    return headers.get("content-encoding", "identity").lower() != "identity"


def _append(stream: FileIO, piece: bytes) -> None:
    """Write all of a piece: one write can end early where a disk is nearly full."""
    rest = memoryview(piece)
    while rest:
        rest = rest[stream.write(rest) :]


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
