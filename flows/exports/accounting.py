"""Write events as a journal of hledger or beancount, with balance assertions.

Each wallet is an account. What comes from or goes to the outside is posted to an account of its
kind, so that each transaction balances per asset; a trade has its total price (`@@`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from flows.exports.events import KINDS, Event, Leg
from flows.exports.tables import Account
from flows.reports.answers import plain_amount

COUNTERPARTS = {
    "deposit": "equity:transfers",
    "withdrawal": "equity:transfers",
    "move_in": "equity:transfers",
    "move_out": "equity:transfers",
    "one_sided_in": "equity:trades",
    "one_sided_out": "equity:trades",
    "interest": "income:interest",
    "loan_interest": "expenses:interest",
    "reward": "income:rewards",
    "reward_expired": "income:rewards",
    "rebate": "income:rebates",
    "realised_profit": "income:derivatives",
    "realised_loss": "income:derivatives",
    "funding_received": "income:funding",
    "funding_paid": "income:funding",
    "derivative_fee": "expenses:fees:derivatives",
    "fee": "expenses:fees:trading",
    "borrow": "liabilities:loans",
    "repay": "liabilities:loans",
    "unknown_in": "equity:unknown",
    "unknown_out": "equity:unknown",
}
"""The other account of an event that moves one asset, by kind."""

FEES = {"withdrawal": "expenses:fees:network", "deposit": "expenses:fees:network"}
"""The account of a fee inside an event, by kind; else that of trading fees."""

TRADING_FEES = "expenses:fees:trading"
OPENING = "equity:opening"

PLAIN_SYMBOL = re.compile(r"[A-Za-z]+")
COMMODITY = re.compile(r"[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]|[A-Z]")


@dataclass(frozen=True)
class Posting:
    """One line of a transaction; `total` is the price of the whole amount."""

    account: str
    asset: str
    amount: Decimal
    total: tuple[Decimal, str] | None = None


@dataclass(frozen=True)
class Entry:
    """One transaction, and the events that it is made of."""

    at: datetime
    title: str
    id: str
    postings: tuple[Posting, ...]


Balances = Mapping[tuple[str, str], Decimal]
"""Amount by account and asset."""


def entries_of(
    events: Sequence[Event], account: Account, opening: Sequence[Leg] = ()
) -> list[Entry]:
    """The transactions of the events, after one with the opening balances."""
    found = []
    if events and any(leg.amount for leg in opening):
        postings = [Posting(_wallet(account, leg.wallet), leg.asset, leg.amount) for leg in opening]
        against = [Posting(OPENING, leg.asset, -leg.amount) for leg in opening]
        found.append(Entry(events[0].at, "Opening balances", "opening", (*postings, *against)))
    whole = _with_legs(events)
    return found + [
        Entry(event.at, _title(event), event.id, tuple(_postings(event, parts, account)))
        for event, parts in whole
    ]


def _with_legs(events: Sequence[Event]) -> Iterator[tuple[Event, list[Event]]]:
    """Each event that has legs, with the events that were split off it."""
    split: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if not event.legs:
            split[event.id.rpartition(".")[0]].append(event)
    for event in events:
        if event.legs:
            yield event, split.get(event.id, [])


def _title(event: Event) -> str:
    return " ".join(f"{KINDS[event.kind]} {event.market}".split())


def _postings(event: Event, parts: Sequence[Event], account: Account) -> Iterator[Posting]:
    """Postings that sum to zero per asset, or at their total price."""
    fees: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    if event.fee is not None:
        fees[FEES.get(event.kind, TRADING_FEES), event.fee.asset] += event.fee.quantity
    for part in parts:
        for asset, amount in part.movements().items():
            fees[COUNTERPARTS[part.kind], asset] -= amount
    yield from _wallet_postings(event, account, fees)
    for (name, asset), amount in fees.items():
        yield Posting(name, asset, amount)
    if event.kind in COUNTERPARTS:
        moved = event.received or event.sent
        if moved is not None:
            amount = -moved.quantity if event.received else moved.quantity
            yield Posting(COUNTERPARTS[event.kind], moved.asset, amount)


def _wallet_postings(
    event: Event, account: Account, fees: Mapping[tuple[str, str], Decimal]
) -> Iterator[Posting]:
    """What each wallet got or gave; of a trade the fees apart, and the received asset priced."""
    received, sent = event.received, event.sent
    if event.kind != "trade" or received is None or sent is None:
        for leg in event.legs:
            yield Posting(_wallet(account, leg.wallet), leg.asset, leg.amount)
        return
    wallets = {leg.asset: _wallet(account, leg.wallet) for leg in event.legs}
    first = next(iter(wallets.values()))
    yield Posting(
        wallets.get(received.asset, first),
        received.asset,
        received.quantity,
        (sent.quantity, sent.asset),
    )
    yield Posting(wallets.get(sent.asset, first), sent.asset, -sent.quantity)
    for (_, asset), amount in fees.items():
        yield Posting(wallets.get(asset, first), asset, -amount)


def _wallet(account: Account, wallet: str) -> str:
    return f"assets:{account.exchange}:{account.label}:{wallet}"


def balances_of(entries: Iterable[Entry]) -> dict[tuple[str, str], Decimal]:
    """The balance of each wallet and asset after the transactions."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        for posting in entry.postings:
            if posting.account.startswith("assets:"):
                found[posting.account, posting.asset] += posting.amount
    return dict(found)


def hledger(entries: Sequence[Entry], balances: Balances) -> str:
    """A journal for hledger. It ends with an assertion of each balance."""
    lines = ["; times in UTC", ""]
    for entry in entries:
        at = entry.at.astimezone(UTC)
        lines.append(f"{at:%Y-%m-%d} {entry.title}  ; id:{entry.id}, time:{_time(at)}")
        lines += [f"    {line}" for line in map(_hledger_posting, entry.postings)]
        lines.append("")
    if balances:
        last = entries[-1].at.astimezone(UTC)
        lines.append(f"{last:%Y-%m-%d} Balances of the ledger")
        for (account, asset), amount in sorted(balances.items()):
            symbol = _hledger_symbol(asset)
            lines.append(
                f"    {_hledger_account(account)}  0 {symbol} = {plain_amount(amount)} {symbol}"
            )
        lines.append("")
    return "\n".join(lines)


def _hledger_posting(posting: Posting) -> str:
    text = f"{_hledger_account(posting.account)}  {plain_amount(posting.amount)} "
    text += _hledger_symbol(posting.asset)
    if posting.total is not None:
        total, asset = posting.total
        text += f" @@ {plain_amount(total)} {_hledger_symbol(asset)}"
    return text


def _hledger_account(name: str) -> str:
    """Two blanks and a semicolon end the name of an account."""
    return re.sub(r"[\s;]+", "-", name)


def _hledger_symbol(asset: str) -> str:
    return asset if PLAIN_SYMBOL.fullmatch(asset) else '"' + asset.replace('"', "'") + '"'


def beancount(entries: Sequence[Entry], balances: Balances) -> str:
    """A file for beancount: accounts, commodities, transactions and balance assertions."""
    accounts = sorted({posting.account for entry in entries for posting in entry.postings})
    assets = sorted({posting.asset for entry in entries for posting in entry.postings})
    first = entries[0].at.astimezone(UTC).date() if entries else date(1970, 1, 1)
    names = _commodities(assets)
    # beancount divides a total price, so the product may differ in the last of 28 digits.
    lines = ["; times in UTC", 'option "inferred_tolerance_default" "*:0.000000000000000001"', ""]
    for asset in assets:
        lines += [f"{first} commodity {names[asset]}", f"  asset: {_quoted(asset)}"]
    lines += [f"{first} open {_bean_account(account)}" for account in accounts] + [""]
    for entry in entries:
        at = entry.at.astimezone(UTC)
        lines += [
            f"{at:%Y-%m-%d} * {_quoted(entry.title)}",
            f"  id: {_quoted(entry.id)}",
            f"  time: {_quoted(_time(at))}",
            *(f"  {_bean_posting(posting, names)}" for posting in entry.postings),
            "",
        ]
    if entries:
        # An assertion of beancount holds at the start of its day.
        day = entries[-1].at.astimezone(UTC).date() + timedelta(days=1)
        lines += [
            f"{day} balance {_bean_account(account)}  {plain_amount(amount)} {names[asset]}"
            for (account, asset), amount in sorted(balances.items())
        ]
    return "\n".join(lines) + "\n"


def _bean_posting(posting: Posting, names: Mapping[str, str]) -> str:
    text = (
        f"{_bean_account(posting.account)}  {plain_amount(posting.amount)} {names[posting.asset]}"
    )
    if posting.total is not None:
        total, asset = posting.total
        text += f" @@ {plain_amount(total)} {names[asset]}"
    return text


def _bean_account(name: str) -> str:
    """Parts of an account begin with a capital letter or a digit and hold no other signs."""
    parts = [re.sub(r"[^A-Za-z0-9-]+", "-", part).strip("-") or "X" for part in name.split(":")]
    return ":".join(part[0].upper() + part[1:] for part in parts)


def _commodities(assets: Sequence[str]) -> dict[str, str]:
    """A valid and unique name of each asset: `1INCH` becomes `X1INCH`."""
    found: dict[str, str] = {}
    for asset in assets:
        name = re.sub(r"[^A-Z0-9'._-]", "-", asset.upper()).rstrip("'._-")[:23] or "X"
        if not COMMODITY.fullmatch(name):
            name = f"X{name}"[:24]
        taken = set(found.values())
        number, unique = 2, name
        while unique in taken:
            unique, number = f"{name[:20]}-{number}", number + 1
        found[asset] = unique
    return found


def _quoted(text: str) -> str:
    return '"' + " ".join(text.replace("\\", "/").replace('"', "'").split()) + '"'


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
