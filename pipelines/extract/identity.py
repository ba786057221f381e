"""Identify the account of a key: the clock first, then the exchange's own answer."""

from __future__ import annotations

import logging
import re
from functools import partial

from pipelines.account import Account
from pipelines.errors import LookbackError, RequestError, unexpected
from pipelines.extract.client import ReadOnlySession, fetch, set_clock
from pipelines.extract.exchange import Identity

log = logging.getLogger(__name__)

UID = re.compile(r"[\w.:@-]{1,100}")
"""What an account is called: part of its key in the warehouse, and shown."""


def identify(session: ReadOnlySession) -> Identity:
    """Set the clock, and return the account and the rights of the session's key.

    Raises LookbackError, with `identity` as the stream, if the exchange does not state them.
    """
    account, exchange = session.account, session.exchange
    try:
        set_clock(session)
        found = exchange.identify(partial(fetch, session), account)
    except RequestError as problem:
        problem.account = account.label
        problem.stream = problem.stream or "identity"
        raise
    except LookbackError:
        raise
    except Exception as error:
        log.debug("identifying %s failed", account.label, exc_info=True)
        fault = unexpected(error, stream="identity")
        fault.what = account.credentials.hide_in(fault.what)
        raise fault from error
    if not UID.fullmatch(found.uid):
        raise LookbackError(
            f"{exchange.spec.title} does not state the account of this key",
            account=account.label,
            stream="identity",
            remedy=f"set uid under [accounts.{account.label}] in .dlt/config.toml",
        )
    return found


def hashed_uid(account: Account) -> str:
    """The uid of an account whose exchange does not name it: a hash of the key."""
    return f"key-{account.credentials.fingerprint}"
