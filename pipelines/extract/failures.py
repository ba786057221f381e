"""Find the error of a response: by the exchange's error table, then by common checks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
from requests import Response

from pipelines.errors import Outcome, RequestError
from pipelines.extract.answers import Said, said_by
from pipelines.spec import ExchangeSpec

_JSON = msgspec.json.Decoder(msgspec.Raw)
BANNED, TOO_MANY = 418, 429


@dataclass(frozen=True, kw_only=True)
class Case:
    """One entry of an error table: the meaning of a code, and what to do."""

    kind: str
    """One word for programs: `wrong_key`, `rate_limited`, ..."""
    what: str
    """What happened, as a sentence without a full stop; the exchange's message follows it."""
    remedy: str
    outcome: Outcome = "failed"
    retry: bool = False
    """Whether the same request may work later in this run."""
    wait: float | None = None
    """Seconds before the retry; None for the usual backoff."""
    params: tuple[str, ...] = ()
    """The code has this meaning only for requests with one of these parameters."""
    may_mean_closed: bool = False
    """Whether the code means that the exchange has closed, after its announced end."""


def refused(kind: str, what: str, remedy: str) -> Case:
    """The exchange refuses this key or account; a retry does not help."""
    return Case(kind=kind, what=what, remedy=remedy, outcome="refused")


def clock(allowed: str = "") -> Case:
    """The time of the request is wrong; it is sent again after the clock is corrected."""
    allows = f"; the exchange allows {allowed}" if allowed else ""
    return Case(
        kind="clock",
        what="the exchange rejected the request's timestamp",
        remedy=f"set this machine's clock{allows}",
        retry=True,
        wait=0.0,
    )


def busy(what: str = "the exchange is busy", *, may_mean_closed: bool = False) -> Case:
    """The exchange is temporarily unavailable."""
    return Case(
        kind="server_error",
        what=what,
        remedy="run the sync again later; nothing is lost",
        retry=True,
        may_mean_closed=may_mean_closed,
    )


def rate_limited(*, shared: str = "the same key", is_ban: bool = False) -> Case:
    """Too many requests; the limit may be `shared` with another program."""
    return Case(
        kind="rate_limited",
        what="too many requests",
        remedy=f"another program may be using {shared}; the next run resumes from here",
        retry=not is_ban,
    )


def unknown_scope(what: str, remedy: str, *params: str) -> Case:
    """The exchange does not know the value of one of `params`, such as a delisted pair."""
    return Case(
        kind="unknown_scope",
        what=f"the exchange does not know this {what}, or no longer",
        outcome="refused",
        remedy=remedy,
        params=params,
    )


def same_code(code: str, response: Response, now: datetime) -> str:
    """The default: the code as it is."""
    return code


@dataclass(frozen=True, kw_only=True)
class ErrorTable:
    """The meaning of an exchange's failures."""

    codes: Mapping[str, Case]
    """By code, as text; `HTTP 401` is a status, for responses whose code is not in the table."""
    messages: Mapping[str, Case] = field(default_factory=dict)
    """By a part of the message in lower case, for exchanges without codes."""
    empty: Mapping[str, str] = field(default_factory=dict)
    """Codes of failure that mean an empty list, each with the product that is not in use."""
    wait_header: str = ""
    """A header with the seconds until a rate limit ends, in addition to `Retry-After`."""
    code_of: Callable[[str, Response, datetime], str] = same_code
    """For exceptions: the code to look up, from the code, the response and the exchange's time."""


def explain(
    spec: ExchangeSpec, errors: ErrorTable, response: Response, now: datetime
) -> RequestError | None:
    """The error of a response; None if it is successful."""
    said = said_by(spec.envelope, response.content)
    if said is None:
        return _without_envelope(spec, errors, response, now)
    if said.code in errors.empty or _is_success(spec, said, response):
        return None
    if not said.code and not said.is_failure and response.ok:
        return blocked(spec, response, now) or misread(response)
    status = response.status_code
    text = f"{said.code or f'HTTP {status}'}: {said.message or 'no reason given'}"
    case = _case(errors, said, response, now)
    if said.code and has_ended(spec, now) and (status >= 500 or (case and case.may_mean_closed)):
        return closed(spec, text)
    if case is not None:
        return _problem(errors, case, response, text)
    return blocked(spec, response, now) or RequestError(
        f"the exchange refused the request ({text})",
        kind="not_found" if status == 404 else "bad_request",
        remedy="sync again; if it fails again, the limits in this exchange's spec.py are outdated",
    )


def _is_success(spec: ExchangeSpec, said: Said, response: Response) -> bool:
    is_ok = 200 <= response.status_code < 300 or spec.envelope.ignores_status
    return is_ok and said.code in spec.envelope.success and not said.is_failure


def _case(errors: ErrorTable, said: Said, response: Response, now: datetime) -> Case | None:
    """The entry of the table: by code, else by a part of the message, else by the status."""
    status = response.status_code
    cases = [errors.codes.get(errors.code_of(said.code, response, now))]
    if status < 500 and status not in (BANNED, TOO_MANY):
        message = said.message.lower()
        cases += [case for part, case in errors.messages.items() if part in message]
    cases.append(errors.codes.get(f"HTTP {status}"))
    return next((case for case in cases if case and _applies(case, response)), None)


def _applies(case: Case, response: Response) -> bool:
    return not case.params or any(f"{name}=" in (response.url or "") for name in case.params)


def _problem(errors: ErrorTable, case: Case, response: Response, text: str) -> RequestError:
    wait = case.wait
    if case.kind == "rate_limited":
        wait = _longest_wait(errors, response) if case.retry else retry_after(response)
    return RequestError(
        f"{case.what} ({text})",
        kind=case.kind,
        outcome=case.outcome,
        remedy=case.remedy,
        retry=case.retry,
        wait=wait,
    )


def _longest_wait(errors: ErrorTable, response: Response) -> float | None:
    """The longest wait that the exchange and its gateway require."""
    try:
        window = float(response.headers.get(errors.wait_header, ""))
    except ValueError:
        window = math.nan
    waits = [wait for wait in (window, retry_after(response)) if wait is not None]
    return max((max(0.0, wait) for wait in waits if math.isfinite(wait)), default=None)


def _without_envelope(
    spec: ExchangeSpec, errors: ErrorTable, response: Response, now: datetime
) -> RequestError:
    """The error of a response that is not this exchange's JSON."""
    if problem := blocked(spec, response, now):
        return problem
    status = response.status_code
    if case := errors.codes.get(f"HTTP {status}"):
        return _problem(errors, case, response, f"HTTP {status}")
    if status < 400 or response.content.lstrip().startswith((b"{", b"[")):
        return misread(response)
    return RequestError(
        f"the exchange returned HTTP {status} without a reason",
        kind="not_found" if status == 404 else "bad_request",
        remedy="run the sync again; if it fails again, check base_url of the account",
    )


def closed(spec: ExchangeSpec, sign: str, *, retry: bool = False) -> RequestError:
    """The exchange has ended and no longer responds."""
    ended = f" ended on {spec.ends_at:%Y-%m-%d} and" if spec.ends_at else ""
    return RequestError(
        f"{spec.title}{ended} no longer answers: {sign}",
        kind="venue_closed",
        outcome="venue_closed",
        remedy=f"import saved responses or files: lookback import {spec.name} FILE --account LABEL",
        retry=retry,
    )


def has_ended(spec: ExchangeSpec, now: datetime | None) -> bool:
    """Whether the exchange has ended, so that a missing response is no failure."""
    past = spec.ends_at is not None and now is not None and now >= spec.ends_at
    return spec.lifecycle == "closed" or (spec.lifecycle == "winding_down" and past)


def blocked(
    spec: ExchangeSpec, response: Response, now: datetime | None = None
) -> RequestError | None:
    """The error that any exchange can have: redirects, web pages, overload, rate limits."""
    status = response.status_code
    is_page = "html" in response.headers.get("Content-Type", "").lower() or response.content[
        :20
    ].lstrip().lower().startswith((b"<!doctype", b"<html"))
    if has_ended(spec, now) and (response.is_redirect or (is_page and status < 500)):
        return closed(spec, f"HTTP {status} and a web page instead of a response")
    if status in (418, 429):
        return too_many(response)
    if response.is_redirect:
        return RequestError(
            "the address redirects elsewhere, and redirects are not followed",
            kind="redirected",
            remedy="check base_url of the account",
        )
    if status >= 500:
        return RequestError(
            f"the exchange returned a server error (HTTP {status})",
            kind="server_error",
            remedy="run the sync again later; nothing is lost",
            retry=True,
            wait=retry_after(response),
        )
    if is_page:
        return RequestError(
            f"the response is a web page (HTTP {status})",
            kind="blocked",
            remedy="this IP address may be blocked, or the exchange is in maintenance; wait an "
            "hour, or try from another network",
        )
    return None


def too_many(response: Response, said: str = "", *, shared: str = "the same key") -> RequestError:
    """Too many requests; the limit may be `shared` with another program."""
    return RequestError(
        f"too many requests ({said})" if said else "too many requests",
        kind="rate_limited",
        remedy=f"another program may be using {shared}; the next run resumes from here",
        retry=True,
        wait=retry_after(response),
    )


def retry_after(response: Response) -> float | None:
    """Seconds of a `Retry-After` header, which may be a date; None if it is malformed."""
    text = response.headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        until, now = read_date(text), read_date(response.headers.get("Date", ""))
        if until is None:
            return None
        seconds = (until - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def read_date(text: str) -> datetime | None:
    """The date of an HTTP header in UTC, or None."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def broken(response: Response) -> RequestError | None:
    """The error of a response that is not valid JSON: incomplete, or malformed."""
    try:
        response.content.decode()
        _JSON.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _is_lenient_json(response.content) or not isinstance(error, msgspec.DecodeError):
            return RequestError(
                f"the response is not JSON that a database accepts ({error})",
                kind="not_understood",
                remedy="report it to the exchange; the span remains a gap and is requested again",
            )
        return RequestError(
            "the response is not complete JSON",
            kind="cut_short",
            remedy="run the sync again; nothing is lost",
            retry=True,
        )
    return None


def _is_lenient_json(content: bytes) -> bool:
    """Whether it is complete JSON with extensions of Python and JavaScript, such as `NaN`."""
    try:
        json.loads(content, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def misread(response: Response) -> RequestError:
    """The error of a response that is not the documented JSON of the exchange."""
    return broken(response) or RequestError(
        "the response is not as documented",
        kind="not_understood",
        remedy="check base_url of the account; the exchange may have changed its responses",
    )
