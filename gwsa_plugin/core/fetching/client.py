"""Requests with redirects, login, retries and limits, over a transport that is given."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from threading import Lock
from time import monotonic, sleep
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from ..base.progress import Progress
from .http import (
    Answer,
    Interrupted,
    LoginRefused,
    NotThere,
    OutOfRange,
    Refused,
    Request,
    Sink,
    Transport,
    Unreachable,
)
from .logins import Account, Login, Secret, read_logins
from .politeness import HostTurns
from .servers import Servers

# Requests for one thing before it is given up, and the first pause between two, which doubles.
TRIES = 6
# The same before any server has answered: most likely there is no network.
FIRST_TRIES = 3
FIRST_PAUSE_S = 1.0
# A server that asks for a longer wait is not waited for.
LONGEST_WAIT_S = 120.0
MOST_REDIRECTS = 8
REDIRECTS = (301, 302, 303, 307, 308)
# The server is busy, restarts, or waited too long for the request.
PASSING = (408, 425, 429, 500, 502, 503, 504)
# Answers to lists and tasks are small; files are not read into memory.
LARGEST_TEXT = 64 << 20
STEP_S = 0.1

Result = TypeVar("Result")


class Client:
    """Asks servers for lists and files.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    servers : Servers
        Where they go.
    tokens : dict of str to Secret
        Name of a login -> its token, or the name and password that a token is asked for with.
    progress : Progress
        Asked whether to stop.
    first_pause_s : float
        Seconds before the first repetition of a request.
    """

    def __init__(
        self,
        transport: Transport,
        servers: Servers,
        tokens: Mapping[str, Secret],
        progress: Progress,
        first_pause_s: float = FIRST_PAUSE_S,
    ):
        self._transport = transport
        self._servers = servers
        self._tokens = tokens
        self._progress = progress
        self._turns = HostTurns(self.wait)
        self._first_pause_s = first_pause_s
        self._sessions: dict[str, str] = {}
        self._session_lock = Lock()
        self._was_answered = False

    def send(self, request: Request, sink: Sink, login: Login | None = None) -> Answer:
        """Send a request and follow its redirects.

        The token goes only to the hosts of its login.

        Parameters
        ----------
        request : Request
        sink : callable
            Receives the body of the last answer.
        login : Login, optional
            The login that the server may ask for.

        Returns
        -------
        Answer
            One with status 2xx whose body came as a whole.

        Raises
        ------
        Refused
            When the server will not give it.
        Interrupted
            When the request failed and can be repeated.
        Cancelled
            When the user cancelled.
        """
        if login and not self._tokens.get(login.name):
            raise LoginRefused(login.missing)
        for _ in range(MOST_REDIRECTS):
            token = self._token(login) if login and login.belongs_to(request.url) else ""
            answer = self._send_once(request, sink, token)
            if answer.status in (401, 403) and login and self._forget_session(login, token):
                answer = self._send_once(request, sink, self._token(login))
            target = answer.headers.get("location")
            if answer.status not in REDIRECTS or not target:
                return _checked(answer, request.url, login, self._secret(login))
            request = _redirected(request, answer.status, target, login, self._secret(login))
        raise Refused(f"{_place(request.url)} redirects without an end; try again later.")

    def require_logins(self, names: Iterable[str]) -> None:
        """Raise LoginRefused for the first of some logins that the user has not given."""
        for name in names:
            if not self._tokens.get(name):
                raise LoginRefused(read_logins()[name].missing)

    def read(self, request: Request, login: Login | None = None) -> tuple[Answer, bytes]:
        """Send a request, again where it failed, and return the answer and its body.

        For lists and other small answers only.
        """

        def attempt() -> tuple[Answer, bytes]:
            pieces: list[bytes] = []

            def keep(_: Answer, piece: bytes) -> None:
                pieces.append(piece)
                if sum(map(len, pieces)) > LARGEST_TEXT:
                    raise Refused(f"{_place(request.url)} sends more than was asked for.")

            answer = self.send(request, keep, login)
            return answer, b"".join(pieces)

        return self.repeat(attempt)

    def repeat(self, attempt: Callable[[], Result], done: Callable[[], int] = lambda: 0) -> Result:
        """Call ``attempt`` until it is not interrupted, with pauses that double.

        Parameters
        ----------
        attempt : callable
        done : callable
            Returns what is done so far. The tries are counted anew when it has grown.

        Returns
        -------
        object
            What ``attempt`` returns.

        Raises
        ------
        Refused
            After ``TRIES`` interruptions, or when the server asks for a long wait.
        Unreachable
            After the last one, if no server answered.
        """
        pause, tries, most = self._first_pause_s, 0, 0
        while True:
            try:
                return attempt()
            except Interrupted as error:
                self._progress.stop_if_cancelled()
                if done() > most:
                    pause, tries, most = self._first_pause_s, 0, done()
                tries += 1
                wait = pause if error.wait_s is None else error.wait_s
                if wait > LONGEST_WAIT_S:
                    raise Refused(
                        f"{error}, and the server asks to wait {wait / 60:.0f} minutes; run it "
                        "again then."
                    ) from None
                if tries >= (TRIES if self._was_answered else FIRST_TRIES):
                    sentence = f"{error}, and {tries} tries brought nothing more; "
                    if self._was_answered:
                        raise Refused(f"{sentence}run it again later to go on.") from None
                    raise Unreachable(
                        f"{sentence}check the network and the proxy in the options of QGIS, or run "
                        "it again later."
                    ) from None
                self.wait(wait)
                pause *= 2

    def wait(self, seconds: float) -> None:
        """Wait, unless the user cancels."""
        end = monotonic() + seconds
        self._progress.stop_if_cancelled()
        while (left := end - monotonic()) > 0:
            sleep(min(left, STEP_S))
            self._progress.stop_if_cancelled()

    def _send_once(self, request: Request, sink: Sink, token: str) -> Answer:
        # Where a compressed transfer ended is not known, so that it could not be resumed.
        headers = {"Accept-Encoding": "identity", **request.headers}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        sent = request._replace(url=self._servers.address(request.url), headers=headers)
        with self._turns.turn(request.url):
            answer = self._transport.send(sent, sink, self._progress.is_cancelled)
        self._was_answered |= bool(answer.status)
        self._progress.stop_if_cancelled()
        return answer

    def _secret(self, login: Login | None) -> Secret:
        return self._tokens[login.name] if login else ""

    def _token(self, login: Login) -> str:
        """The token of a login, which is asked for with the account where there is one."""
        secret = self._secret(login)
        if not isinstance(secret, Account):
            return self._servers.token(secret)
        with self._session_lock:
            if login.name not in self._sessions:
                self._sessions[login.name] = self._begin_session(login, secret)
            return self._sessions[login.name]

    def _begin_session(self, login: Login, account: Account) -> str:
        pair = self._servers.token(f"{account.user}:{account.password}").encode("utf-8")
        headers = {
            "Authorization": f"Basic {b64encode(pair).decode('ascii')}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        pieces: list[bytes] = []
        request = Request(login.session, headers, "POST")
        answer = self._send_once(request, lambda _, piece: pieces.append(piece), "")
        if answer.status in (400, 401, 403):
            raise LoginRefused(login.refused(account))
        _checked(answer, login.session, None, account)
        try:
            return str(json.loads(b"".join(pieces))[login.session_token])
        except (ValueError, LookupError, TypeError):
            raise Refused(
                f"{login.title} gave no token for the name and the password; try again later, or "
                f"make a token at {login.tokens}."
            ) from None

    def _forget_session(self, login: Login, token: str) -> bool:
        """Forget a token that a server no longer accepts; False for one that the user gave."""
        with self._session_lock:
            held = self._sessions.get(login.name)
            if held is None or not token:
                return False
            if held == token:
                del self._sessions[login.name]
            return True


def _redirected(
    request: Request, status: int, target: str, login: Login | None, secret: Secret
) -> Request:
    """The request that follows a redirect."""
    url = urljoin(request.url, target)
    parts = urlsplit(url)
    if login and parts.hostname == login.login_host:
        raise LoginRefused(login.refused(secret))
    if parts.scheme != "https" and urlsplit(request.url).scheme == "https":
        raise Refused(
            f"{_place(request.url)} redirects to an address without encryption, which is not "
            "followed; try again later."
        )
    if request.method == "POST" and status in (301, 302, 303):
        return Request(url, request.headers)
    return request._replace(url=url)


def _checked(answer: Answer, url: str, login: Login | None, secret: Secret) -> Answer:
    """The answer, if it is a whole one with status 2xx.

    Raises
    ------
    Refused, Interrupted
        For all others.
    """
    place = _place(url)
    if answer.succeeded and not answer.problem:
        return answer
    if answer.succeeded:
        raise Interrupted(f"{place} ended the transfer early ({answer.problem})")
    if not answer.status:
        raise Interrupted(f"{place} cannot be reached ({answer.problem})")
    if answer.status == 416:
        raise OutOfRange(f"{place} is shorter than what had come of it")
    if answer.status in PASSING:
        raise Interrupted(f"{place} answers with status {answer.status}", _wait_s(answer))
    if login and answer.status == 403 and login.approval_words.encode() in answer.page:
        raise LoginRefused(login.not_approved(urlsplit(url).hostname or ""))
    if login and answer.status in login.refusals:
        raise LoginRefused(login.refused(secret))
    if answer.status in (404, 410):
        raise NotThere(f"{place} is not there (status {answer.status}); the source has moved it.")
    raise Refused(f"{place} is refused with status {answer.status}; try again later.")


def _wait_s(answer: Answer) -> float | None:
    """Seconds that Retry-After asks to wait; None without it."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max((until - datetime.now(timezone.utc)).total_seconds(), 0.0)


def _place(url: str) -> str:
    """Host and file of an address, without its query, which can hold a signature."""
    parts = urlsplit(url)
    name = parts.path.rstrip("/").rpartition("/")[2]
    return f"{name} of {parts.hostname}" if name else f"{parts.hostname}"
