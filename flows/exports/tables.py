"""Write events as the rows of a tax tool's table."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from flows.exports.events import KINDS, Amount, Event
from flows.exports.formats import Format, Table
from flows.reports.answers import plain_amount

FIAT = frozenset(
    [
        "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK",
        "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "KZT", "MXN",
        "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PLN", "RON", "RUB", "SAR", "SEK",
        "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
    ]
)  # fmt: skip
"""ISO 4217 codes of national currencies that exchanges trade."""

QUOTIENT = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""Precision of a price. It is a quotient; the amounts beside it are exact."""


@dataclass(frozen=True)
class Account:
    """What the rows say of the account."""

    exchange: str
    title: str
    label: str


def left_out(form: Format, events: Sequence[Event]) -> list[Event]:
    """The events that the format has no word for. Transfers between own wallets are not missing."""
    return [event for event in events if event.kind != "internal" and not is_writable(form, event)]


def is_writable(form: Format, event: Event) -> bool:
    """Whether the format can hold the event."""
    if event.kind not in form.words:
        return False
    return not form.only_fiat or _fiat(event) is not None


def as_csv(table: Table, rows: Sequence[dict[str, str]]) -> str:
    """The rows under their header: comma, CRLF, one line per row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([header for header, _ in table.columns])
    writer.writerows([row.get(name, "") for _, name in table.columns] for row in rows)
    return text.getvalue()


def rows_of(
    form: Format, table: Table, events: Sequence[Event], account: Account
) -> list[dict[str, str]]:
    """The rows by field name, oldest first."""
    chosen = [
        event
        for event in events
        if is_writable(form, event) and (not table.kinds or event.kind in table.kinds)
    ]
    if form.merges_equal:
        chosen = merged(chosen)
    return [fields_of(form, part, account) for event in chosen for part in parts_of(form, event)]


def merged(events: Sequence[Event]) -> list[Event]:
    """Equal trades of one millisecond as one, for tools that drop a row with equal content."""
    found: dict[object, Event] = {}
    counts: dict[object, int] = defaultdict(int)
    for event in events:
        key: object = event.id
        if event.kind == "trade":
            milliseconds = event.at.replace(microsecond=event.at.microsecond // 1000 * 1000)
            key = (milliseconds, event.received, event.sent, event.fee and event.fee.asset)
        counts[key] += 1
        kept = found.get(key)
        found[key] = (
            event
            if kept is None
            else replace(kept, fee=_sum(kept.fee, event.fee), times=counts[key])
        )
    return [
        replace(event, received=_times(event.received, count), sent=_times(event.sent, count))
        if (count := counts[key]) > 1
        else event
        for key, event in found.items()
    ]


def _sum(one: Amount | None, other: Amount | None) -> Amount | None:
    if one is None or other is None:
        return one or other
    return Amount(one.asset, one.quantity + other.quantity)


def _times(amount: Amount | None, count: int) -> Amount | None:
    return None if amount is None else Amount(amount.asset, amount.quantity * count)


def parts_of(form: Format, event: Event) -> Iterator[Event]:
    """The event with its amounts by the fee rule of the format, in one row or two."""
    fee, received, sent = event.fee, event.received, event.sent
    if fee is None:
        yield event
        return
    if event.kind == "deposit":
        yield event if form.deposit_fee else replace(event, received=_less(received, fee), fee=None)
    elif event.kind == "withdrawal":
        yield replace(event, sent=_more(sent, fee)) if form.withdrawal_fee_included else event
    elif form.trade_fee == "separate":
        yield event
    elif received is not None and fee.asset == received.asset:
        yield replace(event, received=_less(received, fee), fee=_stated(form, fee))
    elif sent is not None and fee.asset == sent.asset:
        yield replace(event, sent=_more(sent, fee), fee=_stated(form, fee))
    elif form.third_fee_row:
        yield replace(event, fee=None)
        yield replace(event, id=f"{event.id}.fee", kind="fee", received=None, sent=fee, fee=None)
    else:
        yield event


def _stated(form: Format, fee: Amount) -> Amount | None:
    return fee if form.trade_fee == "included_and_stated" else None


def _less(amount: Amount | None, fee: Amount) -> Amount:
    return Amount(fee.asset, (amount.quantity if amount else Decimal(0)) - fee.quantity)


def _more(amount: Amount | None, fee: Amount) -> Amount:
    return Amount(fee.asset, (amount.quantity if amount else Decimal(0)) + fee.quantity)


def fields_of(form: Format, event: Event, account: Account) -> dict[str, str]:
    """All fields of a row, as text."""
    moved = event.received or event.sent
    base, quote = (event.received, event.sent) if event.received else (event.sent, None)
    is_in = event.received is not None
    place = f"{account.title} {account.label}"
    found = {
        "id": event.id,
        "time": time_text(form, event.at),
        "word": form.words[event.kind],
        "label": form.labels.get(event.kind, ""),
        "description": description(event),
        "tx_hash": event.tx_hash,
        "exchange": account.exchange,
        "exchange_and_label": place,
        "from": "" if is_in and quote is None else place,
        "to": place if is_in else "",
        **_amount("", moved),
        **_amount("received_", event.received),
        **_amount("sent_", event.sent),
        **_amount("fee_", event.fee),
        **_amount("base_", base),
        **_amount("quote_", quote),
    }
    if base is not None and quote is not None:
        found["price"] = plain_amount(QUOTIENT.divide(quote.quantity, base.quantity))
    if form.only_fiat:
        found |= _against_fiat(event)
    for name, text in form.none.items():
        value = found.get(text[1:], "") if text.startswith("=") else text
        for each in [key for key in found if key == name or key.endswith(f"_{name}")]:
            found[each] = found[each] or value
    return found


def _amount(prefix: str, amount: Amount | None) -> dict[str, str]:
    return {
        f"{prefix}amount": plain_amount(amount.quantity) if amount else "",
        f"{prefix}asset": amount.asset if amount else "",
    }


def _fiat(event: Event) -> tuple[Amount, Amount] | None:
    """The currency and the coin of a trade against a national currency."""
    if event.received is None or event.sent is None:
        return None
    for fiat, coin in ((event.sent, event.received), (event.received, event.sent)):
        if fiat.asset in FIAT and coin.asset not in FIAT:
            return fiat, coin
    return None


def _against_fiat(event: Event) -> dict[str, str]:
    pair = _fiat(event)
    assert pair is not None, "the format takes only trades against a currency"
    fiat, coin = pair
    fee = event.fee if event.fee and event.fee.asset == fiat.asset else None
    return {
        "code": f"{coin.asset}{fiat.asset}",
        "data_source": "YAHOO",
        "fiat": fiat.asset,
        "fiat_price": plain_amount(QUOTIENT.divide(fiat.quantity, coin.quantity)),
        "coin_amount": plain_amount(coin.quantity),
        "action": "SELL" if fiat is event.received else "BUY",
        "fee_amount": plain_amount(fee.quantity) if fee else "",
    }


def description(event: Event) -> str:
    """What the event is, the market, the exchange's word and our id, in one line."""
    count = f"{event.times} equal trades added up" if event.times > 1 else ""
    kind = KINDS[event.kind]
    label = "" if event.kind == "trade" or event.label == kind else event.label
    parts = (kind, event.market, label, count, event.id)
    return "; ".join(" ".join(part.split()) for part in parts if part)


def time_text(form: Format, at: datetime) -> str:
    """The time as the format wants it, in UTC."""
    if form.times == "milliseconds":
        return str(int(at.timestamp()) * 1000 + at.microsecond // 1000)
    return at.astimezone(UTC).strftime(form.times)
