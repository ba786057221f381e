"""Check an account against its exchange: identity, rights, clock, streams, and who else has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipelines import registry
from pipelines.account import Account
from pipelines.config.accounts import declared_accounts, readable_accounts
from pipelines.connect.probe import OnStream, StreamCheck, probe_streams
from pipelines.connect.reach import Reach, reach_of
from pipelines.connect.same_account import owner_of_records
from pipelines.errors import LookbackError, RequestError
from pipelines.extract.client import ReadOnlySession
from pipelines.extract.exchange import Identity
from pipelines.extract.identity import hashed_uid, identify
from pipelines.extract.progress import known_account, labels_of_accounts, read_progress
from pipelines.extract.rights import Rights, rights_of
from pipelines.home import Home
from pipelines.spec import ExchangeSpec

ATTEMPTS = 3
"""Tries of one request: a check does not wait as long as a sync."""

LARGE_SKEW = timedelta(seconds=5)


@dataclass(frozen=True)
class AccountCheck:
    """What the exchange said about an account and its key. Has no secret."""

    account: Account
    spec: ExchangeSpec
    identity: Identity
    rights: Rights
    skew: timedelta
    checked_at: datetime
    streams: tuple[StreamCheck, ...] = ()
    same_records_as: str = ""
    """Another account of this exchange whose stored records this key returns as well."""
    reaches: Mapping[str, Reach] = field(default_factory=dict)

    @property
    def account_id(self) -> str:
        """The account's name in the warehouse."""
        return f"{self.spec.name}:{self.identity.uid}"

    @property
    def opened_at(self) -> datetime | None:
        """When the account was opened, as the exchange states it, else as the user does."""
        return self.identity.opened_at or self.account.opened_at

    @property
    def is_named(self) -> bool:
        """Whether the exchange names the account; otherwise its uid is made from the key."""
        return self.identity.uid != hashed_uid(self.account)

    @property
    def working(self) -> tuple[StreamCheck, ...]:
        """The streams that answered."""
        return tuple(check for check in self.streams if check.answer == "works")

    @property
    def is_clock_off(self) -> bool:
        """Whether this machine's clock should be set."""
        return abs(self.skew) > LARGE_SKEW


def check_account(
    account: Account, home: Home, on_stream: OnStream = lambda stream, done, total: None
) -> AccountCheck:
    """Identify the account and request one page of each of its streams.

    Raises LookbackError if the exchange does not accept the key or cannot be reached.
    """
    exchange = registry.exchange(account.exchange)
    spec = exchange.spec
    with ReadOnlySession(exchange, account, attempts=ATTEMPTS) as session:
        identity = identify(session)
        known = known_account(home.warehouse, spec, account.label)
        fingerprint = account.credentials.fingerprint
        if known is not None and not account.uid and known.key_fingerprint == fingerprint:
            # The same key always belongs to the same account.
            identity = replace(identity, uid=known.account_id.partition(":")[2])
        scopes = _known_scopes(home, spec, f"{spec.name}:{identity.uid}")
        streams = probe_streams(session, identity, scopes, on_stream)
        same_records_as = ""
        if identity.uid == hashed_uid(account):
            own = f"{spec.name}:{identity.uid}"
            same_records_as = owner_of_records(session, home.warehouse, own)
        now, skew = session.clock.now(), session.clock.skew
    if identity.opened_at is not None and identity.opened_at > now:
        identity = replace(identity, opened_at=None)  # not plausible
    opened_at = identity.opened_at or account.opened_at
    return AccountCheck(
        account=account,
        spec=spec,
        identity=identity,
        rights=rights_of(exchange, identity),
        skew=skew,
        checked_at=now,
        streams=tuple(streams),
        same_records_as=same_records_as,
        reaches={
            each.stream.name: reach_of(spec, each.stream, opened_at, now) for each in streams
        },
    )


def _known_scopes(home: Home, spec: ExchangeSpec, account_id: str) -> dict[str, str]:
    """A known value of the scope of each stream that has one."""
    progress = read_progress(home.warehouse, spec, account_id)
    return {name: min(values) for name, values in progress.scopes.items() if values}


def require_new_account(check: AccountCheck, home: Home) -> None:
    """Raises LookbackError if the account is connected under another label, or the label is taken.

    An account is recognised by its uid, by its key, and by its records.
    """
    account, label = check.account, check.account.label
    for other, why in _others_of(check, home):
        if other.lower() != label.lower():
            raise LookbackError(
                f"this is the same account as {other} ({why})",
                account=label,
                stream="identity",
                remedy=f"nothing was stored; to change its key, run `lookback accounts rotate "
                f"{other}`",
            )
    known = known_account(home.warehouse, check.spec, label)
    if known is not None and known.account_id != check.account_id:
        raise LookbackError(
            f"this key belongs to {check.account_id}, but the label stands for "
            f"{known.account_id}, whose history is stored",
            account=label,
            stream="identity",
            remedy="choose another --label; if both are one account, add "
            f"--uid {known.account_id.partition(':')[2]}",
        )
    if account.uid and check.is_named and account.uid != check.identity.uid:
        raise LookbackError(
            f"this key belongs to {check.identity.uid}, not to {account.uid}",
            account=label,
            stream="identity",
            remedy="use a key of the right account, or remove uid",
        )


def _others_of(check: AccountCheck, home: Home) -> Iterable[tuple[str, str]]:
    """The declared labels that have this account, and how it was recognised."""
    declared = {label.lower() for label in declared_accounts()}
    labels = labels_of_accounts(home.warehouse, check.spec)
    for other in readable_accounts()[0]:
        if other.exchange != check.spec.name:
            continue
        if other.credentials.fingerprint == check.account.credentials.fingerprint:
            yield other.label, "the same key"
        elif other.uid and other.uid == check.identity.uid:
            yield other.label, check.account_id
    for account_id, why in (
        (check.account_id, check.account_id),
        (check.same_records_as, "its key returns the same records"),
    ):
        holder = labels.get(account_id, "")
        if holder.lower() in declared:
            yield holder, why


def require_reading_only(check: AccountCheck, *, accepts: bool) -> None:
    """Raises LookbackError if the key is not read-only, unless the user accepts its rights."""
    beyond = check.rights.beyond(check.account.accepted_rights)
    if beyond and not accepts:
        raise RequestError(
            f"this key {check.rights.what}, so it was not stored; lookback only reads",
            kind="not_read_only",
            outcome="refused",
            stream="rights",
            remedy=f"make a key that only reads (steps: `lookback guide {check.spec.name}`), or "
            "accept this one with --accept-trading-key, which is recorded",
        )


def require_streams(check: AccountCheck) -> None:
    """Raises LookbackError if no stream can be read at all."""
    if check.working or not check.streams:
        return
    first = next((each for each in check.streams if each.why), check.streams[0])
    raise LookbackError(
        f"the key was accepted, but no stream can be read: {first.why}",
        account=check.account.label,
        stream=first.stream.name,
        remedy=first.remedy,
    )
