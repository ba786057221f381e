"""Requests to an exchange: dlt's RESTClient over a read-only session with rate limits and retries.

Every request passes `ReadOnlySession.send`: it is compared with the allow-list, waits for the rate
limit, is signed with the exchange's time, and its response is checked for errors.
"""

from __future__ import annotations

import codecs
import logging
import re
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import requests
import tenacity
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.rest_client.client import PageData, RESTClient
from requests import PreparedRequest, Response

from pipelines.account import Account
from pipelines.errors import LookbackError, RequestError, one_line, unexpected
from pipelines.extract.exchange import Exchange
from pipelines.extract.failures import broken, closed, has_ended, misread
from pipelines.extract.paginators import Paginator
from pipelines.extract.rate_limits import RATE_LIMITER, RateLimiter, ShutOut
from pipelines.extract.records import Record, RecordReader
from pipelines.spec import ExchangeSpec, Rate, StreamSpec

log = logging.getLogger(__name__)

TIMEOUT = (10.0, 60.0)
ATTEMPTS = 6
USER_AGENT = "lookback"  # some gateways refuse the default user agents of libraries
LONGEST_WAIT = 60.0
"""A longer wait than this is a failure; the next run tries again."""

PRINTABLE = re.compile(r"[\x20-\x7e\x80-\uffff]*")
"""Text without control characters, including tabs and line breaks."""

HEADER = re.compile(r"[\x20-\x7e\x80-\xff]*")
"""Text that a header can hold: no typographic quotes, for instance."""

DEEPEST = 100
"""Levels of nesting that are kept if a response has more than can be parsed."""

METHOD_OVERRIDES = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
"""Headers that make some servers treat a GET as another method."""

_JSON = msgspec.json.Decoder(msgspec.Raw)
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F]|.)", re.DOTALL
)


class NotARead(LookbackError):
    """The program tried to send a request that is not on the allow-list."""


class ExchangeClock:
    """The exchange's time: this machine's plus the measured difference."""

    def __init__(self, local: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._local = local
        self.skew = timedelta(0)

    def now(self) -> datetime:
        """The exchange's current time, in whole milliseconds."""
        moment = self._local() + self.skew
        return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)

    def compare(self, theirs: datetime, sent: datetime, received: datetime) -> None:
        """Set the skew from one response, whose time is taken as the middle of the request."""
        self.skew = theirs - (sent + (received - sent) / 2)

    def local(self) -> datetime:
        return self._local()


def _nothing_to_add(request: PreparedRequest) -> PreparedRequest:
    """Replace the authentication of `requests`, which would send passwords from ~/.netrc."""
    return request


class ReadOnlySession(requests.Session):
    """A session for one account that sends only the reads that its exchange declares."""

    def __init__(
        self,
        exchange: Exchange,
        account: Account,
        *,
        limiter: RateLimiter = RATE_LIMITER,
        sleep: Callable[[float], None] = time.sleep,
        clock: ExchangeClock | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__()
        self._attempts = attempts
        self.exchange = exchange
        self.account = account
        self.clock = clock or ExchangeClock()
        self._limiter = limiter
        self._sleep = sleep
        self._streams = {stream.path: stream for stream in exchange.spec.streams}
        reads = exchange.spec.reads() | {("GET", exchange.clock_path)}
        self._reads = {(method, self.url_of(path)): path for method, path in reads}
        self._environments: dict[str, dict[str, Any]] = {}
        self._bans: dict[str, str] = {}
        self.auth = _nothing_to_add
        self.requests_sent = 0
        self.headers["User-Agent"] = USER_AGENT

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Proxies and certificates of the environment, looked up once per host."""
        host = urlsplit(str(url)).netloc
        if host not in self._environments:
            self._environments[host] = dict(
                super().merge_environment_settings(url, {}, stream, verify, cert)
            )
        return dict(self._environments[host])

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send one read and return its successful response.

        Raises NotARead for a request that is not on the allow-list, and RequestError if the
        exchange returns no usable response after several tries.
        """
        target = self._target(request)
        path = target.partition("?")[0]
        kwargs |= {"allow_redirects": False, "timeout": kwargs.get("timeout") or TIMEOUT}
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_retry),
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=_wait_before_next,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._send_once, request, target, path, kwargs)

    def url_of(self, path: str) -> str:
        """The URL of a path on its own host, or on the base URL that the user set."""
        stream = self._streams.get(path)
        own = stream.base_url if stream is not None else ""
        is_default = self.account.base_url == self.exchange.spec.base_url
        return (own if own and is_default else self.account.base_url) + path

    def _target(self, request: PreparedRequest) -> str:
        """The path and query to sign. Raises NotARead if the exchange does not declare the read."""
        url = urlsplit(request.url or "")
        address = f"{url.scheme}://{url.netloc}{url.path}"
        path = self._reads.get((request.method or "", address))
        # `urlsplit` removes tabs and newlines from an address; a server may not.
        is_clean = PRINTABLE.fullmatch(request.url or "") is not None
        if path is None or not is_clean or (request.method == "GET" and request.body):
            raise NotARead(
                f"refused to send {request.method} {url.netloc}{url.path}: it is not one of the "
                f"reads of {self.exchange.spec.title}",
                account=self.account.label,
            )
        self._check_names(path, url.query, request.body)
        return f"{path}?{url.query}" if url.query else path

    def _check_names(self, path: str, query: str, body: Any) -> None:
        """Refuse a parameter that is not listed: a route may ignore or misinterpret it."""
        stream = self._streams.get(path)
        takes = (stream.params if stream else ()) or sorted(self.exchange.spec.params)
        sent = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        if body:
            sent |= set(msgspec.json.decode(body))
        if unknown := sent - set(takes):
            raise NotARead(
                f"refused to send {one_line(', '.join(sorted(unknown)))} to {path}, which takes "
                f"only {', '.join(takes) or 'no parameters'}",
                account=self.account.label,
            )

    def _check_headers(self, request: PreparedRequest) -> None:
        """Refuse a header that changes the method or the meaning of the request."""
        for name, value in request.headers.items():
            word = name.lower().replace("_", "-")
            if word in METHOD_OVERRIDES or not HEADER.fullmatch(f"{name}{value}"):
                raise NotARead(
                    f"refused to send the header {one_line(name)}",
                    account=self.account.label,
                    remedy="remove line breaks, tabs and typographic quotes from the key and the "
                    "other settings",
                )

    def _send_once(
        self, request: PreparedRequest, target: str, path: str, kwargs: dict[str, Any]
    ) -> Response:
        stream = self._streams.get(path)
        private = stream.private if stream else path != self.exchange.clock_path
        buckets = self._buckets(path, stream, private=private)
        self._wait_turn(path, buckets)
        if private:
            self.exchange.sign(request, target, self.account.credentials, self.clock.now())
        self._check_headers(request)
        self.requests_sent += 1
        try:
            response = super().send(request, **kwargs)
        except requests.RequestException as error:
            raise self._unreachable(error) from error
        _mend(response)
        try:
            problem = self.exchange.explain(response, self.clock.now()) or broken(response)
        except Exception as error:
            problem = broken(response) or unexpected(error)
        if problem is not None:
            self._obey(problem, path, buckets)
            problem.what = self._presentable(problem.what)
            if problem.kind == "clock" and problem.retry:
                set_clock(self)
            raise problem
        return response

    def _buckets(
        self, path: str, stream: StreamSpec | None, *, private: bool
    ) -> dict[Hashable, Rate]:
        """The rate-limit buckets of this request, the narrowest first."""
        spec: ExchangeSpec = self.exchange.spec
        key = self.account.credentials.fingerprint
        host = self.account.base_url
        weight = stream.weight if stream is not None else 1
        buckets: dict[Hashable, Rate] = {}
        if stream is not None and stream.rate is not None:
            buckets[host, key if private else "ip", path] = stream.rate
        if private and spec.account_rate is not None:
            buckets[host, key] = weighed(spec.account_rate, weight)
        if not private and spec.public_rate is not None:
            buckets[host, "public"] = weighed(spec.public_rate, weight)
        if spec.ip_rate is not None:
            buckets[host, "ip"] = weighed(spec.ip_rate, weight)
        return buckets

    def _obey(self, problem: RequestError, path: str, buckets: Mapping[Hashable, Rate]) -> None:
        """Make all requests of the same bucket wait as long as the exchange requires.

        A route that responds with a ban is not requested again, as each request would prolong it;
        after the second ban no route is.
        """
        if problem.kind != "rate_limited":
            return
        if not problem.retry:
            self._bans[path] = self._presentable(problem.what)
        if problem.wait and buckets:
            self._limiter.shut(next(iter(buckets)), problem.wait)

    def _wait_turn(self, path: str, buckets: Mapping[Hashable, Rate]) -> None:
        """Wait for the rate limit. Raises RequestError if a ban is longer than a sync waits."""
        if path in self._bans or len(self._bans) > 1:
            why = self._bans.get(path) or next(iter(self._bans.values()))
            raise RequestError(
                f"not requested: a rate-limit ban is in force ({why})",
                kind="rate_limited",
                remedy="run the sync again after an hour; it resumes from here",
            )
        try:
            self._limiter.wait(buckets, self.account.pace, LONGEST_WAIT)
        except ShutOut as shut:
            raise RequestError(
                f"not requested: the exchange allows no request for {shut.seconds:.0f} s",
                kind="rate_limited",
                remedy="run the sync again after that time; it resumes from here",
            ) from shut

    def _presentable(self, what: str) -> str:
        """A text of the exchange as one short line without secrets."""
        return one_line(self.account.credentials.hide_in(what))

    def _unreachable(self, error: requests.RequestException) -> RequestError:
        spec = self.exchange.spec
        text = self.account.credentials.hide_in(f"{type(error).__name__}")
        cut = isinstance(error, requests.exceptions.ChunkedEncodingError)
        is_gone = has_ended(spec, self.clock.now())
        if is_gone and isinstance(error, requests.ConnectionError) and not cut:
            return closed(spec, f"no connection ({text})", retry=True)
        closed_early = "connection closed before the full response arrived"
        return RequestError(
            closed_early if cut else f"cannot reach {spec.title} ({text})",
            kind="cut_short" if cut else "unreachable",
            remedy="check the network and run the sync again; stored data is kept",
            retry=True,
        )


def _mend(response: Response) -> None:
    r"""Repair JSON that parsers refuse: byte order mark, half characters, too deep nesting.

    Databases refuse an escape of half a character (`\ud83d`, a cut emoji). It is kept as literal
    text: `\\ud83d`.
    """
    content = response.content.removeprefix(codecs.BOM_UTF8)
    if b"\\ud" in content or b"\\uD" in content:
        mended = _ESCAPES.sub(_as_written, content)
        if mended != content:
            log.warning("half a character in a response is kept as its escape")
        content = mended
    try:
        _JSON.decode(content)
    except RecursionError:
        log.warning("a value that is nested too deeply is kept as text")
        content = _flattened(content)
    except msgspec.DecodeError:
        pass  # reported when the response is read
    response._content = content


def _flattened(content: bytes) -> bytes:
    """The same JSON, with each value that begins at level `DEEPEST` as text.

    Unchanged if brackets do not match.
    """
    parts, done, start, level = [], 0, 0, 0
    for token in _BRACKETS.finditer(content):
        sign = token[0][:1]
        if sign == b'"':
            continue
        if sign in b"[{":
            level += 1
            start = token.start() if level == DEEPEST else start
            continue
        if level == DEEPEST:
            text = content[start : token.end()].decode(errors="replace")
            parts += [content[done:start], msgspec.json.encode(text)]
            done = token.end()
        level -= 1
    return content if level else b"".join([*parts, content[done:]])


def _as_written(escape: re.Match[bytes]) -> bytes:
    text = escape[0]
    return b"\\" + text if len(text) == 4 else text


def weighed(rate: Rate, weight: int) -> Rate:
    """The allowed rate of requests of that weight."""
    return replace(rate, per=rate.per * weight)


def _may_retry(error: BaseException) -> bool:
    return isinstance(error, RequestError) and error.retry and (error.wait or 0.0) <= LONGEST_WAIT


def _wait_before_next(state: tenacity.RetryCallState) -> float:
    """The wait that the exchange requires, else half a second, doubled each time."""
    error = state.outcome.exception() if state.outcome else None
    requested = error.wait if isinstance(error, RequestError) else None
    backoff = 0.5 * 2 ** (state.attempt_number - 1)
    return float(min(requested if requested is not None else backoff, LONGEST_WAIT))


class StreamClient(RESTClient):
    """dlt's RESTClient with pages of `Record`s of one stream instead of parsed objects."""

    def __init__(self, session: ReadOnlySession, stream: StreamSpec) -> None:
        super().__init__(
            base_url=session.account.base_url,
            session=session,
            data_selector="$",
            config=RuntimeConfiguration(),
        )
        self._session = session
        self._exchange = session.exchange
        self._stream = stream
        self._reader = RecordReader(stream, keeps_odd=True)

    def pages(self, paginator: Paginator) -> Iterator[PageData[Record]]:
        """The pages of one window. Raises RequestError."""
        # RESTClient would raise for a status before the session has read the error in the response.
        hooks: Any = {"response": []}
        url = self._session.url_of(self._stream.path)
        return self.paginate(url, self._stream.method, paginator=paginator, hooks=hooks)

    def extract_response(self, response: Response, data_selector: Any) -> list[Any]:
        """The records of one response, as bytes. Raises RequestError if it is not as documented."""
        try:
            return self._reader.read(self._exchange.items(self._stream, response.content))
        except (msgspec.DecodeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            log.debug("cannot parse a response of %s", self._stream.path, exc_info=True)
            raise misread(response) from error


def fetch(
    session: ReadOnlySession,
    path: str,
    params: Mapping[str, str] | None = None,
    *,
    body: Mapping[str, Any] | None = None,
) -> bytes:
    """Send one read outside the streams, by POST if it has a body.

    Returns the body of the response; raises RequestError.
    """
    return _send(session, path, params, body).content


def set_clock(session: ReadOnlySession) -> None:
    """Measure the difference between this machine's clock and the exchange's.

    If the time route fails, this machine's clock is used. Raises RequestError if the exchange
    cannot be reached at all.
    """
    sent = session.clock.local()
    try:
        response = _send(session, session.exchange.clock_path)
    except RequestError as problem:
        if problem.retry and problem.kind in ("unreachable", "venue_closed", "rate_limited"):
            raise
        log.info("cannot read the exchange's time: %s", problem.what)
        return
    theirs = session.exchange.read_clock(response)
    if theirs is not None:
        session.clock.compare(theirs, sent, session.clock.local())


def _send(
    session: ReadOnlySession,
    path: str,
    params: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Response:
    method = "GET" if body is None else "POST"
    json = None if body is None else dict(body)
    request = requests.Request(method, session.url_of(path), params=dict(params or {}), json=json)
    prepared = session.prepare_request(request)
    settings = session.merge_environment_settings(prepared.url, {}, None, None, None)
    return session.send(prepared, **settings)
