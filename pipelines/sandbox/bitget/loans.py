"""Loans on pledged coins in Bitget's stand-in: what the spot ledger has no words for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pipelines.sandbox.bitget.books import Books, snowflake
from pipelines.sandbox.bitget.lists import Shelf, Told, numbered_page, shelf
from pipelines.sandbox.bitget.request import Request
from pipelines.sandbox.engine.account import DAY, PledgedLoan, exact

HOUR_RATE = "0.00000114"
TERM = 180 * DAY


class LoanBooks:
    """The lists of one account's loans."""

    def __init__(self, books: Books) -> None:
        self.scale = books.scale
        self.steps: dict[int, list[PledgedLoan]] = {}
        for event in books.events:
            if isinstance(event, PledgedLoan):
                self.steps.setdefault(event.order, []).append(event)
        repaid = [s for steps in self.steps.values() for s in steps if s.step == "repaid"]
        raised = [s for steps in self.steps.values() for s in steps if s.step == "raised"]
        self.repayments = Shelf(self._repayment(step) for step in repaid)
        self.revisions = Shelf(self._revision(step) for step in raised)

    def _first(self, step: PledgedLoan) -> dict[str, Any]:
        taken = self.steps[step.order][0]
        return {
            "orderId": str(snowflake(taken.at, "biz", taken.seq)),
            "loanCoin": taken.loan_asset,
            "pledgeCoin": taken.pledge_asset,
        }

    def _repayment(self, step: PledgedLoan) -> Told:
        loan, pledge = self.scale[step.loan_asset], self.scale[step.pledge_asset]
        return step.at, {
            **self._first(step),
            "repayAmount": exact(step.loan + step.interest, loan),
            "payInterest": exact(step.interest, loan),
            "repayLoanAmount": exact(step.loan, loan),
            "repayUnlockAmount": exact(step.pledge, pledge),
            "repayTime": str(step.at),
        }

    def _revision(self, step: PledgedLoan) -> Told:
        return step.at, {
            **self._first(step),
            "reviseTime": str(step.at),
            "reviseSide": "down",  # more pledge: the rate of the loan goes down
            "reviseAmount": exact(step.pledge, self.scale[step.pledge_asset]),
            "beforePledgeRate": "50",
            "afterPledgeRate": "45.45",
        }

    def closed(self, now: int) -> Shelf:
        """Loans that were given back by then, under the time they were taken."""
        return Shelf(
            (
                steps[0].at,
                {
                    **self._first(steps[0]),
                    "initPledgeAmount": exact(
                        steps[0].pledge, self.scale[steps[0].pledge_asset]
                    ),
                    "initLoanAmount": exact(steps[0].loan, self.scale[steps[0].loan_asset]),
                    "hourRate": HOUR_RATE,
                    "daily": "180",
                    "borrowTime": str(steps[0].at),
                    "status": "REPAY",
                },
            )
            for steps in self.steps.values()
            if steps[-1].step == "repaid" and steps[-1].at <= now
        )

    def ongoing(self, now: int) -> Shelf:
        """Loans that are not given back by then."""
        told = []
        for steps in self.steps.values():
            known = [step for step in steps if step.at <= now]
            if not known or known[-1].step == "repaid":
                continue
            pledged = sum(step.pledge for step in known)
            told.append(
                (
                    known[0].at,
                    {
                        **self._first(known[0]),
                        "loanAmount": exact(known[0].loan, self.scale[known[0].loan_asset]),
                        "interestAmount": "0",
                        "hourInterestRate": HOUR_RATE,
                        "pledgeAmount": exact(pledged, self.scale[known[0].pledge_asset]),
                        "pledgeRate": "50",
                        "supRate": "75",
                        "forceRate": "85",
                        "borrowTime": str(known[0].at),
                        "expireTime": str(known[0].at + TERM),
                    },
                )
            )
        return Shelf(told)


def loans_of(books: Books) -> LoanBooks:
    """An account's loans, put together when first asked for."""
    if "loans" not in books.shelves:
        books.shelves["loans"] = LoanBooks(books)
    found: LoanBooks = books.shelves["loans"]
    return found


def _listed(name: str, request: Request) -> bytes:
    loans = loans_of(request.books)
    found = {
        "borrow-history": lambda: loans.closed(request.now),
        "repay-history": lambda: loans.repayments,
        "revise-history": lambda: loans.revisions,
        # No pledge was sold: prices stay in bounds.
        "reduces": lambda: shelf(request.books, "reduces", lambda: Shelf(())),
        "ongoing-orders": lambda: loans.ongoing(request.now),
    }[name]()
    return numbered_page(request, found, name != "ongoing-orders")


ROUTES: dict[str, Callable[[Request], bytes]] = {
    f"/api/v2/earn/loan/{name}": partial(_listed, name)
    for name in ("borrow-history", "repay-history", "revise-history", "reduces", "ongoing-orders")
}


def counts(books: Books, now: int) -> dict[str, int]:
    """How many rows each list has by then."""
    loans = loans_of(books)
    return {
        "loan_borrows": loans.closed(now).until(now),
        "loan_repayments": loans.repayments.until(now),
        "loan_revisions": loans.revisions.until(now),
    }
