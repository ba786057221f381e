"""Write an export: one file per account and table, and a notice beside it where one is due."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from flows.exports import accounting, notice, tables
from flows.exports.events import Leg, events_of
from flows.exports.formats import Format, Table, formats
from flows.reports import answers
from flows.reports.answers import Row
from flows.reports.documents import file_name, write
from pipelines.errors import LookbackError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

JOURNALS = {
    "hledger": ("hledger journal", "journal"),
    "beancount": ("beancount file", "beancount"),
}
"""Formats of plain-text accounting: title and ending of the file."""

MARTS = {"parquet": "All marts as Parquet", "csv": "All marts as CSV"}
"""Formats of the marts themselves."""


@dataclass(frozen=True)
class Span:
    """The exported span, from the start of one UTC day to the start of another; None: no bound."""

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of_days(cls, since: datetime | None, until: datetime | None) -> Span:
        """The span of whole days. Raises LookbackError if it is empty."""
        bounds = [day and datetime.combine(day.date(), time(), UTC) for day in (since, until)]
        if bounds[0] and bounds[1] and bounds[0] >= bounds[1]:
            raise LookbackError("--from must be before --to", remedy="--to is not included")
        return cls(*bounds)


@dataclass
class Exported:
    """The files of one account."""

    label: str
    files: list[Path] = field(default_factory=list)
    notice: Path | None = None
    rows: int = 0
    gaps: int = 0
    left_out: int = 0


def titles() -> dict[str, str]:
    """Every format, with its title."""
    named = {name: form.title for name, form in formats().items()}
    return named | {name: title for name, (title, _) in JOURNALS.items()} | MARTS


def require_format(name: str, template: Path | None) -> None:
    """Raises LookbackError if the format is unknown, or its template is missing."""
    if name not in titles():
        raise LookbackError(f"no such format: {name}", remedy=f"formats: {', '.join(titles())}")
    form = formats().get(name)
    if form and form.needs_template and template is None:
        raise LookbackError(
            f"{form.title} takes only files in its own template",
            remedy="download the template from its site, save it as CSV and name it with "
            "--template",
        )
    if template is not None and not (form and form.needs_template):
        raise LookbackError(f"{name} has no template", remedy="leave --template out")


def export(
    warehouse: Connection,
    name: str,
    folder: Path,
    labels: Sequence[str] = (),
    span: Span | None = None,
    template: Path | None = None,
) -> list[Exported]:
    """Write the export of the accounts. Raises LookbackError."""
    require_format(name, template)
    if name in MARTS:
        return [_marts(warehouse, name, folder, labels)]
    form = formats().get(name)
    if form and template is not None:
        form = _filled(form, template)
    span = span or Span()
    return [
        _account(warehouse, account, name, form, folder, span)
        for account in answers.Choice(labels).of(warehouse, _accounts(warehouse))
    ]


def _accounts(warehouse: Connection) -> list[Row]:
    return answers.select(
        warehouse,
        """
        select account_id, accounts.exchange, exchange_title, coalesce(label, account_id) as label
        from marts.dim_accounts as accounts
        left join (select exchange, exchange_title from marts.dim_exchanges) using (exchange)
        order by label, account_id
        """,
    )


def _account(
    warehouse: Connection, row: Row, name: str, form: Format | None, folder: Path, span: Span
) -> Exported:
    """Write the files of one account."""
    account = tables.Account(
        row["exchange"], row["exchange_title"] or row["exchange"], row["label"]
    )
    events = events_of(warehouse, row["account_id"], span.since, span.until)
    done = Exported(account.label)
    stem = file_name(account.label)
    if form is None:
        before = _balances_before(warehouse, row["account_id"], span)
        entries = accounting.entries_of(events, account, before)
        make = accounting.hledger if name == "hledger" else accounting.beancount
        text = make(entries, accounting.balances_of(entries))
        done.files.append(write(folder / f"{stem}.{JOURNALS[name][1]}", text))
        done.rows = len(entries)
        left_out, unknown = [], [e for e in events if e.kind in ("unknown_in", "unknown_out")]
    else:
        for table in form.tables:
            rows = tables.rows_of(form, table, events, account)
            path = folder / f"{stem}{table.suffix}.csv"
            done.files.append(write(path, tables.as_csv(table, rows)))
            done.rows += len(rows)
        left_out, unknown = tables.left_out(form, events), []
    gaps = notice.gaps_in(warehouse, row["account_id"], span.since, span.until)
    text = notice.notice(
        f"{titles()[name]}: {account.title} {account.label}",
        gaps=gaps,
        left_out=left_out,
        unknown=unknown,
        one_sided=[
            event for event in events if event.kind in notice.ONE_SIDED and event not in left_out
        ],
        differences=notice.differences_of(warehouse, row["account_id"]),
    )
    path = folder / f"{stem}.notice.md"
    if text:
        done.notice = write(path, text)
    else:
        path.unlink(missing_ok=True)
    return replace(done, gaps=len(gaps), left_out=len(left_out))


def _balances_before(warehouse: Connection, account_id: str, span: Span) -> list[Leg]:
    """What the wallets held at the start of the span, by the ledger."""
    if span.since is None:
        return []
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for event in events_of(warehouse, account_id, None, span.since):
        for leg in event.legs:
            sums[leg.wallet, leg.asset] += leg.amount
    return [Leg(wallet, asset, amount) for (wallet, asset), amount in sums.items() if amount]


def _marts(warehouse: Connection, name: str, folder: Path, labels: Sequence[str]) -> Exported:
    """Copy each mart to a file. Raises LookbackError if accounts are named."""
    if labels:
        raise LookbackError(f"{name} holds the marts of all accounts", remedy="leave --account out")
    done = Exported("all accounts")
    folder.mkdir(parents=True, exist_ok=True)
    for row in answers.select(
        warehouse,
        "select table_name from information_schema.tables where table_schema = 'marts' order by 1",
    ):
        path = folder / f"{row['table_name']}.{name}"
        options = "format parquet" if name == "parquet" else "format csv, header"
        target = answers.literal(str(path))
        copied = warehouse.execute(f'copy marts."{row["table_name"]}" to {target} ({options})')
        done.rows += int((copied.fetchone() or (0,))[0])
        path.chmod(0o600)
        done.files.append(path)
    return done


def _filled(form: Format, template: Path) -> Format:
    """The format with the columns of the user's template. Raises LookbackError."""
    try:
        text = template.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LookbackError(
            f"cannot read the template {template}", remedy="save it as CSV in UTF-8"
        ) from error
    header = next(csv.reader(text.splitlines()), [])
    known = dict(form.tables[0].columns)
    missing = [column for column in known if column not in header]
    if missing:
        raise LookbackError(
            f"{template.name} is not the template of {form.title}: it lacks {', '.join(missing)}",
            remedy="download the template again",
        )
    columns = tuple((column, known.get(column, "")) for column in header)
    return replace(form, tables=(Table(columns),))


def notes_of(name: str) -> tuple[str, ...]:
    """What a user must know before the import."""
    form = formats().get(name)
    return form.notes if form else ()
