"""The format of a file that an exchange's site exports, declared as data.

A row of such a file is mapped to a record of the stream that it stands for, with that stream's own
field names. From there on it is read like a record of the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SUM = " + "
"""Between columns whose numbers are added."""


@dataclass(frozen=True)
class BalanceProof:
    """Columns by which each row proves the one before: balance = previous + amount + fee.

    `of` are the columns that name a chain (the coin); `fee` is "" where the amount includes it.
    """

    balance: str
    amount: str
    fee: str = ""
    of: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SiteFormat:
    """One file of one exchange. Columns are compared without case.

    `headers` are the known header lines, each complete. `fields` maps a field of the record to a
    column, to a sum of columns (`Amount + Fee`), or to a constant written as `=text`. `times` are
    strptime patterns; `zone` is "" where the file does not state it. `empty` are texts that mean
    "no value". `ignored` are rows, by column and value, that moved nothing. `scopes` maps values of
    `scope_column` to the scopes of the stream; the key "" is any other value. `compared` are the
    fields by which rows are compared with records of the API. `source` names where the header is
    published.
    """

    name: str
    title: str
    page: str
    stream: str
    headers: tuple[tuple[str, ...], ...]
    fields: Mapping[str, str]
    time_column: str
    times: tuple[str, ...]
    compared: tuple[str, ...]
    source: str
    confidence: str
    zone: str = ""
    has_any_order: bool = False
    """Whether any header with all read columns is one of this format: for a user's mapping."""
    time_fields: tuple[str, ...] = ()
    """Fields of the record that get the time; the stream's `time_field` if empty."""
    proof: BalanceProof | None = None
    empty: frozenset[str] = frozenset({"", "--", "-", "null"})
    ignored: Mapping[str, frozenset[str]] = field(default_factory=dict)
    scope_column: str = ""
    scopes: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> set[str]:
        """The columns that are read, in lower case."""
        named = {
            name
            for column in self.fields.values()
            if not column.startswith("=")
            for name in column.split(SUM)
        }
        proof = self.proof
        proving = (proof.balance, proof.amount, proof.fee, *proof.of) if proof else ()
        read = (*named, self.time_column, *proving, *self.ignored)
        return {name.casefold() for name in read if name}

    def is_headed(self, header: tuple[str, ...]) -> bool:
        """Whether a header line is one of this format."""
        names = tuple(name.casefold() for name in header)
        if self.has_any_order:
            return self.columns() <= set(names)
        return any(names == tuple(each.casefold() for each in known) for known in self.headers)
