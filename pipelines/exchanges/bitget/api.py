"""Bitget: how a request is signed, how pages are walked, what errors mean, whose key it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import msgspec
from requests import PreparedRequest, Response

from pipelines.account import Account, Credentials
from pipelines.errors import Trouble
from pipelines.exchanges.bitget.spec import SPEC
from pipelines.exchanges.bitget.spec_copy import TRADER
from pipelines.exchanges.bitget.spec_futures import PRODUCTS
from pipelines.exchanges.bitget.spec_terms import SUB_ACCOUNT
from pipelines.exchanges.bitget.spec_wallets import BOTS
from pipelines.extract.client import blocked, misread, too_many
from pipelines.extract.exchange import Ask, Exchange, Identity
from pipelines.extract.paginators import (
    ByCursor,
    ByPageNumber,
    NewestFirst,
    NewestOnly,
    OnePage,
    Walk,
)
from pipelines.extract.records import Record, cut_list, field_of, micros, to_micros
from pipelines.extract.windows import Window
from pipelines.spec import StreamSpec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Balances of futures come product by product, and only the asking says which.
OF_PRODUCT = {f"{product.lower().replace('-', '_')}_accounts": product for product in PRODUCTS}

# Balances whose rows are one a coin.
WHOLE_WALLETS = frozenset(
    {
        "spot_assets", "crossed_margin_assets", "unified_assets", "unified_funding_assets",
        "funding_assets", "earn_assets", *BOTS,
    }
)  # fmt: skip

# What the list inside `data` is called, one of these a route.
LISTS = frozenset(
    {
        "list", "items", "bills", "fillList", "entrustedList", "interestList", "resultList",
        "fills", "orderList", "trackingList", "dataList", "assets",
    }
)  # fmt: skip

LOANS = "/api/v2/earn/loan/"
# Lists whose cursor is `endId`: their rows have no id that an answer could be asked below.
ALONG_END_ID = frozenset({"savings_records", "savings_assets", "sharkfin_records"})

# The code an answer must carry (…/common/quick-start), and the routes that a Tax key may ask.
SUCCESS = frozenset({"00000", "0"})

V3 = "/api/v3/"
# Routes of unified accounts whose cursor is the id of the last row: their answers name none.
CURSOR_IS_AN_ID = frozenset(
    {
        "/api/v3/tax/records",
        "/api/v3/account/deposit-records",
        "/api/v3/account/withdrawal-records",
    }
)
BETWEEN_MODES = frozenset({"upgrading", "switching"})

# Authorities of a key (…/spot/account/Get-Account-Info): the codes that only read.
READ_CODES = frozenset(
    {"coor", "cpor", "stor", "smor", "ttor", "wtor", "taxr", "chor", "p2pr", "pllr", "readonly"}
)
WITHDRAW_CODES = frozenset({"wwow"})

ASK_AGAIN = "run the sync again: it finds out anew which kind of account this is"
LEAD_TRADER = "classic routes do not read the account of a lead trader"
WITHOUT_API = (
    "export its history on Bitget's site, or use a key of an account that leads no copy traders"
)
CHECK_KEY = "check the key in .dlt/secrets.toml, or make a new read-only one"

# code: (kind, what happened, remedy)  (…/spot/error-code/restapi)
REFUSALS: dict[str, tuple[str, str, str]] = {
    "40001": ("wrong_key", "the key is missing", CHECK_KEY),
    "40006": ("wrong_key", "the exchange does not know this key", CHECK_KEY),
    "40037": ("wrong_key", "this key no longer exists", "make a new read-only key"),
    "40002": ("wrong_secret", "the signature is missing", CHECK_KEY),
    "40009": ("wrong_secret", "the secret does not belong to this key", CHECK_KEY),
    "40011": ("wrong_passphrase", "the passphrase is missing", "add it to .dlt/secrets.toml"),
    "40012": ("wrong_passphrase", "the key or its passphrase is wrong", CHECK_KEY),
    "40036": ("wrong_passphrase", "the passphrase is wrong", CHECK_KEY),
    "40018": ("ip_refused", "the key is bound to other addresses", "add this machine's address"),
    "40038": ("ip_refused", "the key is bound to other addresses", "add this machine's address"),
    "40014": ("no_permission", "the key lacks the right for this", "tick its read permission"),
    "40025": ("no_permission", "the account may not use this product", "nothing to do here"),
    "40099": ("no_permission", "the account may not use this product", "nothing to do here"),
    "40068": ("no_permission", "sub-accounts may not ask this", "use a key of the main account"),
    "40084": ("account_mode", "the account is a classic one", ASK_AGAIN),
    "40085": ("account_mode", "the account was upgraded to a unified one", ASK_AGAIN),
    "25245": ("account_mode", "the account is a classic one", ASK_AGAIN),
    # "This product does not support copy trading": routes of v3 may read such an account.
    "40731": ("account_mode", LEAD_TRADER, WITHOUT_API),
}
EXPIRED = frozenset({"40005", "40008"})
BUSY = frozenset({"40015", "40200", "40725", "40808", "45001"})
TOO_MANY = "429"
NOT_THERE = "40034"


class Envelope(msgspec.Struct):
    """What every answer is wrapped in. Some routes spell the text `message`."""

    code: Any = ""
    msg: Any = None
    message: Any = None
    data: msgspec.Raw = msgspec.Raw()


_ENVELOPE = msgspec.json.Decoder(Envelope)


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """HMAC-SHA256 over timestamp + method + path?query, base64 (…/common/signature).

    The server hashes the decoded query: a symbol like `$ALTUSDT` is signed with its plain `$`. A
    space goes as `%20`, which is decoded the same everywhere; `+` is not.
    """
    where, mark, query = (request.url or "").partition("?")
    request.url = f"{where}{mark}{query.replace('+', '%20')}"
    sent_at = str(micros(now) // 1_000)
    message = f"{sent_at}{request.method}{unquote_plus(target)}"
    digest = hmac.new(keys["secret"].encode(), message.encode(), hashlib.sha256).digest()
    request.headers["ACCESS-KEY"] = keys["key"]
    request.headers["ACCESS-SIGN"] = base64.b64encode(digest).decode()
    request.headers["ACCESS-TIMESTAMP"] = sent_at
    request.headers["Content-Type"] = "application/json"
    request.headers["locale"] = "en-US"
    if keys["passphrase"]:  # a Tax key has none
        request.headers["ACCESS-PASSPHRASE"] = keys["passphrase"]


def explain(response: Response, now: datetime) -> Trouble | None:
    """What is wrong with an answer: its code first, then what all exchanges share."""
    try:
        envelope = _ENVELOPE.decode(response.content)
    except msgspec.DecodeError:
        return blocked(SPEC, response) or misread(response)
    code = str(envelope.code)
    if code in SUCCESS and response.ok:
        return None
    text = envelope.msg or envelope.message or "no reason given"
    if code in REFUSALS:
        kind, what, remedy = REFUSALS[code]
        return Trouble(f"{what} ({code}: {text})", kind=kind, outcome="refused", remedy=remedy)
    if code in EXPIRED:
        return Trouble(
            f"the exchange finds the request's time wrong ({code}: {text})",
            kind="clock",
            remedy="set this machine's clock; the exchange allows 30 seconds",
            retry=True,  # after the clocks were compared again
            wait=0.0,
        )
    if code in BUSY:
        return Trouble(
            f"the exchange is busy ({code}: {text})",
            kind="server_error",
            remedy="run the sync again later; nothing is lost",
            retry=True,
        )
    if code == NOT_THERE and any(f"{name}=" in (response.url or "") for name in ("symbol", "coin")):
        return Trouble(
            f"the exchange does not know this pair or coin, or not any more ({code}: {text})",
            kind="unknown_scope",
            outcome="refused",
            remedy="what was stored stays; ask Bitget support for the rows of what was delisted",
        )
    if code == TOO_MANY:
        return too_many(response, f"{code}: {text}")
    if response.status_code in (401, 403):
        return blocked(SPEC, response) or Trouble(
            f"the key was refused ({code}: {text})",
            kind="no_permission",
            outcome="refused",
            remedy=CHECK_KEY,
        )
    return blocked(SPEC, response) or Trouble(
        f"the exchange refused the question ({code}: {text})",
        kind="not_found" if response.status_code == 404 else "bad_request",
        remedy="sync again; if it fails again, the limits in this exchange's spec.py are outdated",
    )


def items(stream: StreamSpec, body: bytes) -> list[msgspec.Raw]:
    """The list inside the envelope's `data`."""
    data = _ENVELOPE.decode(body).data
    if not bytes(data):
        raise Trouble("the answer says success and has no data", kind="not_understood")
    if not bytes(data).lstrip().startswith(b"{"):
        return cut_list(data, stream.record_id)
    members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    named = [value for name, value in members.items() if name in LISTS]
    if len(named) == 1 and members.keys().isdisjoint(stream.record_id):
        # null or "" where there is nothing, whatever stands beside it.
        return [] if bytes(named[0]) == b'""' else cut_list(named[0])
    if not named and field_of(bytes(data), "minId") == "0":
        return []  # margin: ids of "0" without any list
    return cut_list(data, stream.record_id)


def walk(stream: StreamSpec, window: Window, scope: str) -> Walk:
    """Windows by `startTime` and `endTime`, newest first; transfers by coin and page number."""
    asked = {stream.scope: scope} if stream.scope else {}
    if stream.name in OF_PRODUCT:
        asked["productType"] = OF_PRODUCT[stream.name]
    if stream.name in BOTS:
        asked["accountType"] = BOTS[stream.name]
    if stream.path.startswith(LOANS):
        return walk_loans(stream, window)
    if stream.name == "sub_account_assets" or stream.name in ALONG_END_ID:
        return walk_along(stream, window, asked)
    if not stream.time_filter and stream.kind != "history":
        return OnePage(asked, window, stream.page_size)
    asked["limit"] = str(stream.page_size)
    if not stream.time_filter:
        return ByCursor(asked, window, stream.page_size, cursor="idLessThan", follow=next_page)
    if stream.path.startswith(V3):
        return walk_unified(stream, window, scope)
    if stream.name == "transfer_records":
        return ByPageNumber(
            asked,
            window,
            stream.page_size,
            number="pageNum",
            last_number=1000,
            write_bounds=bounds_of(window),
        )
    return NewestFirst(
        asked,
        window,
        stream.page_size,
        bounds=("startTime", "endTime"),
        cursor="idLessThan",
        # A user with over 500 tax rows on one millisecond saw the cursor drop some of them
        # (BitgetLimited/v3-bitget-api-sdk#51, open).
        sure_cursor=not stream.path.startswith("/api/v2/tax/"),
        write=to_millis,
    )


def walk_loans(stream: StreamSpec, window: Window) -> Walk:
    """By `pageNo` and `pageSize`, which nothing else of Bitget's has; open loans without times."""
    return ByPageNumber(
        {"pageSize": str(stream.page_size)},
        window,
        stream.page_size,
        number="pageNo",
        last_number=1000,
        write_bounds=bounds_of(window) if stream.time_filter else {},
    )


def walk_along(stream: StreamSpec, window: Window, asked: dict[str, str]) -> Walk:
    """Along `endId`, or the id of the last row where the answer is nothing but its rows."""
    bounds = bounds_of(window) if stream.time_filter else {}
    return ByCursor(
        {**asked, "limit": str(stream.page_size), **bounds},
        window,
        stream.page_size,
        cursor="idLessThan",
        follow=next_page if stream.name in ALONG_END_ID else last_id,
    )


def walk_unified(stream: StreamSpec, window: Window, scope: str) -> Walk:
    """Windows too: along the answer's own cursor where it has one, else by the oldest row's id."""
    line, _, margin_type = scope.partition("/")
    params = {"limit": str(stream.page_size)}
    if stream.scope:
        params[stream.scope] = line
    if line == "MARGIN" and stream.scope == "bizType":
        params["marginType"] = margin_type or "crossed"
    if stream.path in CURSOR_IS_AN_ID:
        return NewestFirst(
            params,
            window,
            stream.page_size,
            bounds=("startTime", "endTime"),
            cursor="cursor",
            # The classic tax cursor is reported to drop rows; nobody says that this one does not.
            sure_cursor=not stream.path.startswith("/api/v3/tax/"),
            write=to_millis,
        )
    if stream.numbers_twins:
        # An answer must hold all twins of a moment, which pages along a cursor could part.
        return NewestOnly(
            params,
            window,
            stream.page_size,
            bounds=("startTime", "endTime"),
            write=to_millis,
            sorted_rows=True,
        )
    return ByCursor(
        {**params, **bounds_of(window)},
        window,
        stream.page_size,
        cursor="cursor",
        follow=next_cursor,
    )


def next_cursor(response: Response, records: list[Record]) -> str:
    """Where the next page begins; none after a page without rows. Its value means nothing."""
    answer = _object(response.content)
    return str(answer.get("cursor") or answer.get("nextId") or "") if records else ""


def next_page(response: Response, records: list[Record]) -> str:
    """`endId`, where the page had rows; without any, the list has ended."""
    end = _object(response.content).get("endId")
    return str(end) if records and end not in (None, "", "0", 0) else ""


def last_id(response: Response, records: list[Record]) -> str:
    """The id of the last row; none after a page without rows."""
    return records[-1].id if records else ""


def bounds_of(window: Window) -> dict[str, str]:
    """A window as both of its ends."""
    return {
        "startTime": to_millis(micros(window.start)),
        "endTime": to_millis(micros(window.end)),
    }


def to_millis(moment: int) -> str:
    """Microseconds as Bitget writes time: milliseconds in a string."""
    return str(moment // 1_000)


def identify(ask: Ask, account: Account) -> Identity:
    """The account by `/spot/account/info`, or by v3 routes where that says it is a unified one.

    A Tax key may ask neither, and is known by its own hash.
    """
    try:
        body = ask("/api/v2/spot/account/info")
    except Trouble as trouble:
        if trouble.kind == "account_mode":
            return identify_otherwise(ask, trouble)
        if trouble.kind != "no_permission":
            raise
        return Identity(
            uid=account.uid or f"key-{account.credentials.fingerprint}",
            kind=kind_of_tax_key(ask),
            can_trade=False,
            can_withdraw=False,
            permissions=("taxr",),
        )
    info = _object(body)
    uid = str(info.get("userId") or account.uid)
    parent = str(info.get("parentId") or "")
    rights = _as_list(info.get("authorities"))
    is_sub = parent not in ("", "0", uid)
    is_trader = info.get("traderType") == TRADER
    return Identity(
        uid=uid,
        parent_uid=parent if is_sub else "",
        kind=SUB_ACCOUNT if is_sub else "classic",
        opened_at=_moment(info.get("regisTime")),
        opened_at_evidence="exchange",
        can_trade=any(right not in READ_CODES | WITHDRAW_CODES for right in rights),
        can_withdraw=any(right in WITHDRAW_CODES for right in rights),
        permissions=(*rights, TRADER) if is_trader else tuple(rights),
        ip_allow_list=tuple(_as_list(info.get("ips"))),
    )


def identify_otherwise(ask: Ask, refused: Trouble) -> Identity:
    """The account that classic routes refuse, by v3 routes.

    A lead trader's may be read by neither.
    """
    try:
        return identify_unified(ask)
    except Trouble as trouble:
        if trouble.retry or not refused.what.startswith(LEAD_TRADER):
            raise
        raise Trouble(
            f"lead-trader accounts cannot be read here: {refused.what}, and the routes of unified "
            f"accounts refuse it as well ({trouble.what})",
            kind="account_mode",
            outcome="refused",
            remedy=WITHOUT_API,
        ) from trouble


def identify_unified(ask: Ask) -> Identity:
    """The account by `/account/settings`; rights and opening by `/account/info`, if it answers.

    The second route has no page yet; a public client reads it.
    """
    settings = _object(ask("/api/v3/account/settings"))
    mode = str(settings.get("accountMode") or "")
    if mode in BETWEEN_MODES:
        raise Trouble(
            f"the account is just being changed from one kind to the other ({mode})",
            kind="account_mode",
            remedy="run the sync again in some minutes; nothing is lost",
        )
    try:
        info = _object(ask("/api/v3/account/info"))
    except Trouble as trouble:
        if trouble.retry:
            raise
        info = {}
    uid = str(settings.get("uid") or info.get("userId") or "")
    parent = str(info.get("parentId") or "")
    rights = _as_list(info.get("permissions"))
    power = str(info.get("permType") or "")
    return Identity(
        uid=uid,
        parent_uid="" if parent == uid else parent,
        kind="unified",
        opened_at=_moment(info.get("regisTime")),
        opened_at_evidence="exchange",
        can_trade=power != "read-only" if power else None,
        can_withdraw="withdraw" in rights if info else None,
        permissions=tuple([power, *rights] if power else rights),
        ip_allow_list=tuple(_as_list(info.get("ips"))),
    )


def kind_of_tax_key(ask: Ask) -> str:
    """A Tax key may ask for nothing but tax records, and only in its account's own dialect."""
    try:
        ask("/api/v3/tax/records")
    except Trouble as trouble:
        # What is said of a question without parameters shows that it would be answered.
        if trouble.kind == "bad_request":
            return "unified_tax_key"
        if trouble.retry:
            raise
        return "tax_key"
    return "unified_tax_key"


def beyond(identity: Identity, stream: StreamSpec) -> Trouble | None:
    """A Tax key reads the tax routes and nothing else (bitget.com/taxes-api).

    What a trader's followers did is told to traders alone.
    """
    if stream.needs_right and stream.needs_right not in identity.permissions:
        return Trouble(
            f"only an account that is a {stream.needs_right} has anything to tell here",
            kind="no_permission",
            outcome="refused",
            remedy="nothing to do here",
        )
    is_tax_route = stream.path.startswith(("/api/v2/tax/", "/api/v3/tax/"))
    if not identity.kind.endswith("tax_key") or not stream.private or is_tax_route:
        return None
    return Trouble(
        "a Tax key reads tax records only",
        kind="no_permission",
        outcome="refused",
        remedy="use an ordinary read-only key to get this stream too",
    )


def read_clock(response: Response) -> datetime | None:
    """`data.serverTime`, milliseconds in a string."""
    return _moment(_object(response.content).get("serverTime"))


def balance_of(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """Assets of a wallet are balances; the overview of all wallets is a valuation in USDT."""
    if stream.name in WHOLE_WALLETS or stream.name in OF_PRODUCT:
        return stream.wallet, record.id
    if stream.name == "isolated_margin_assets":
        return stream.wallet, record.id.partition("|")[2]  # a coin lies in several pairs
    if stream.name == "account_balances":
        return record.id, "USDT"
    return None


def _as_list(value: Any) -> list[str]:
    """A list, a comma-separated string or nothing, as the docs and live clients show it."""
    if isinstance(value, str):
        value = value.split(",")
    items = value if isinstance(value, list) else []
    return [str(item).strip() for item in items if str(item).strip()]


def _object(body: bytes) -> dict[str, Any]:
    """The object inside `data`, or first in its list; an empty one where there is none."""
    try:
        data = msgspec.json.decode(_ENVELOPE.decode(body).data)
    except msgspec.DecodeError:
        return {}
    if isinstance(data, list):
        data = next(iter(data), None)
    return data if isinstance(data, dict) else {}


def _moment(value: Any) -> datetime | None:
    moment = to_micros(value, "milliseconds")
    return None if moment is None else EPOCH + timedelta(microseconds=moment)


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    explain=explain,
    items=items,
    walk=walk,
    identify=identify,
    beyond=beyond,
    clock_path="/api/v2/public/time",
    read_clock=read_clock,
    balance_of=balance_of,
)
