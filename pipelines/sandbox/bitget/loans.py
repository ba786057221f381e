"""Loans on pledged coins in a simulated account of Bitget; the spot ledger does not name them."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.bitget.rows import Dated, dated, snowflake
from pipelines.sandbox.engine.account import DAY, PledgedLoan, exact
from pipelines.sandbox.engine.ledger import Ledger
from pipelines.sandbox.engine.table import Table

HOUR_RATE = "0.00000114"
TERM = 180 * DAY


class Loans:
    """The lists of one account's loans."""

    def __init__(self, ledger: Ledger) -> None:
        self._scales = ledger.scales
        self._steps: dict[int, list[PledgedLoan]] = {}
        for event in ledger.of(PledgedLoan):
            self._steps.setdefault(event.order, []).append(event)
        steps = [step for steps in self._steps.values() for step in steps]
        self.repayments = dated(self._repayment(s) for s in steps if s.step == "repaid")
        self.revisions = dated(self._revision(s) for s in steps if s.step == "raised")

    def _first(self, step: PledgedLoan) -> dict[str, Any]:
        taken = self._steps[step.order][0]
        return {
            "orderId": str(snowflake(taken.at, "biz", taken.seq)), "loanCoin": taken.loan_asset,
            "pledgeCoin": taken.pledge_asset,
        }  # fmt: skip

    def _amounts(self, step: PledgedLoan) -> tuple[str, str]:
        """The loan, and the change of the pledge."""
        loan, pledge = self._scales[step.loan_asset], self._scales[step.pledge_asset]
        return exact(step.loan, loan), exact(step.pledge, pledge)

    def _repayment(self, step: PledgedLoan) -> Dated:
        (lent, pledge), scale = self._amounts(step), self._scales[step.loan_asset]
        return step.at, {
            **self._first(step), "repayAmount": exact(step.loan + step.interest, scale),
            "payInterest": exact(step.interest, scale), "repayLoanAmount": lent,
            "repayUnlockAmount": pledge, "repayTime": str(step.at),
        }  # fmt: skip

    def _revision(self, step: PledgedLoan) -> Dated:
        return step.at, {
            **self._first(step), "reviseTime": str(step.at),
            "reviseSide": "down",  # more pledge: the rate of the loan goes down
            "reviseAmount": self._amounts(step)[1], "beforePledgeRate": "50",
            "afterPledgeRate": "45.45",
        }  # fmt: skip

    def closed(self, now: int) -> Table:
        """Loans that were repaid by then, under the time they were taken."""
        rows = []
        for first, *_, last in (steps for steps in self._steps.values() if len(steps) > 1):
            if last.step == "repaid" and last.at <= now:
                lent, pledge = self._amounts(first)
                rows.append((first.at, {
                    **self._first(first), "initPledgeAmount": pledge, "initLoanAmount": lent,
                    "hourRate": HOUR_RATE, "daily": "180", "borrowTime": str(first.at),
                    "status": "REPAY",
                }))  # fmt: skip
        return dated(rows)

    def ongoing(self, now: int) -> Table:
        """Loans that are not repaid by then."""
        rows = []
        for steps in self._steps.values():
            known = [step for step in steps if step.at <= now]
            if known and known[-1].step != "repaid":
                first, scale = known[0], self._scales[known[0].pledge_asset]
                rows.append((first.at, {
                    **self._first(first), "loanAmount": self._amounts(first)[0],
                    "interestAmount": "0", "hourInterestRate": HOUR_RATE,
                    "pledgeAmount": exact(sum(step.pledge for step in known), scale),
                    "pledgeRate": "50", "supRate": "75", "forceRate": "85",
                    "borrowTime": str(first.at), "expireTime": str(first.at + TERM),
                }))  # fmt: skip
        return dated(rows)
