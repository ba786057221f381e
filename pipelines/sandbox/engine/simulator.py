"""The simulator of any exchange: it enforces a profile (see `wire.py`) on each call."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

import msgspec

from pipelines.sandbox.engine.adapter import Answer, Call, Card, World
from pipelines.sandbox.engine.ledger import ground_truth
from pipelines.sandbox.engine.wire import (
    BadParam,
    Budget,
    Error,
    Headers,
    Key,
    List,
    Profile,
    Refusal,
    Request,
    Route,
    Usage,
)

LARGE = 50_000
"""Accounts with at least this number of fills are generated at the start, as it takes long."""


class Simulator:
    """One exchange over the accounts of a world."""

    def __init__(self, profile: Profile, world: World) -> None:
        self.profile, self.world, self.clock = profile, world, world.clock
        self.name = profile.name
        self.keys = {key.label: key for key in profile.keys}
        self._cards = [self._card(key) for key in profile.keys]
        self._by_key = {card.key: card for card in self._cards}
        self._accounts: dict[str, Any] = {}
        self._counts: dict[tuple[Budget, str], tuple[int, int]] = {}
        exact = [route for route in profile.routes if "{" not in route.path]
        self._paths = {route.path: route for route in exact}
        self._exact = {(route.path, route.method): route for route in exact}
        self._patterns = [
            (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)), route)
            for route in profile.routes
            if "{" in route.path
        ]
        if world.fills >= LARGE:
            self.account(profile.keys[0].uid)

    def _card(self, key: Key) -> Card:
        rng = random.Random(f"{self.name}-key:{self.world.seed}:{key.label}")
        made = {"exchange": self.name, "label": key.label, "profile": key.profile}
        made |= self.profile.make_card(key, rng)
        return Card(**made, account_id=f"{self.name}:{made['uid']}")

    # -- what the HTTP shell uses

    def cards(self) -> list[Card]:
        """Every key, the main read-only one first."""
        return list(self._cards)

    def label_of(self, call: Call) -> str:
        """The label of a call's key; '' for none or an unknown one."""
        card = self._by_key.get(self.profile.shown_key(call))
        return card.label if card else ""

    def fault(self, name: str, call: Call) -> Answer | None:
        """The exchange's own error of that name, if it has one."""
        error = self.profile.faults.get(name)
        return None if error is None else self._refused(error, ())

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """The ground truth of that key's account up to `at`."""
        card = next(card for card in self._cards if card.label == label)
        return ground_truth(self.account(self.keys[label].uid).as_of(at), card, at, parts)

    def site_files(self, label: str, at: int) -> dict[str, str]:
        """The files that the exchange's site exports of that key's account, by name."""
        if self.profile.site_files is None:
            return {}
        return self.profile.site_files(self.account(self.keys[label].uid).as_of(at), at)

    def account(self, uid: str) -> Any:
        """The ledger of that account; generated at its first use."""
        if uid not in self._accounts:
            self._accounts[uid] = self.profile.open_account(self.world, uid)
        return self._accounts[uid]

    def handle(self, call: Call) -> Answer:
        """The response to one request, with the checks in the exchange's order."""
        now = self.clock.now_ms()
        # Doubled slashes count as one, as at most web servers; ccxt sends some.
        call = replace(call, path=re.sub("/+", "/", call.path))
        route, parts = self._find(call)
        try:
            early = self.profile.before(call, now)
            if early is not None:
                return early
            if route is None:
                raise Refusal(*self.profile.not_found)
            if route.method not in ("", call.method):
                wrong = self.profile.wrong_method
                raise Refusal(*(wrong(call) if wrong else self.profile.not_found))
            return self._answer(Request(call, route, now, {**call.params(), **parts}))
        except Refusal as refusal:
            usages = () if route is None else self._usages(call, route, now, is_counted=False)
            return self._refused(refusal.error, usages)

    # -- steps

    def _answer(self, request: Request) -> Answer:
        profile, route = self.profile, request.route
        usages: tuple[Usage, ...] = ()
        data: Any = None
        try:
            for step in profile.order:
                if step == "key" and not route.is_public:
                    self._identify(request)
                elif step == "rights" and not route.is_public:
                    self._check_rights(request)
                elif step == "rate":
                    usages = self._usages(request.call, route, request.now, is_counted=True)
                elif step == "params":
                    self._read_params(request)
                elif step == "signature" and not route.is_public:
                    shown = profile.shown_key(request.call)
                    profile.verify(request, self._by_key.get(shown))
                elif step == "answer":
                    answer = route.answer
                    data = (
                        answer.shape(answer.page(request)) if isinstance(answer, List)
                        else answer(request)
                    )  # fmt: skip
        except BadParam as bad:
            error = route.bad_param or profile.bad_param
            raise Refusal(*error(request, bad.name, bad.problem)) from None
        body, kind = profile.write(request, (route.envelope or profile.envelope)(request, data))
        return Answer(200, body, profile.rate_headers(usages), kind)

    def _find(self, call: Call) -> tuple[Route | None, dict[str, str]]:
        if call.path in self._paths:
            return self._exact.get((call.path, call.method), self._paths[call.path]), {}
        for pattern, route in self._patterns:
            if found := pattern.fullmatch(call.path):
                return route, found.groupdict()
        return None, {}

    def _identify(self, request: Request) -> None:
        card = self._by_key.get(self.profile.shown_key(request.call))
        request.key = None if card is None else self.keys[card.label]
        self.profile.authenticate(request, card)
        assert request.key is not None, "authenticate() has to refuse an unknown key"
        request.account = self.account(request.key.uid)

    def _check_rights(self, request: Request) -> None:
        assert request.key is not None
        for right in request.route.rights:
            if right not in request.key.rights:
                raise Refusal(*self.profile.no_right(right))

    def _read_params(self, request: Request) -> None:
        route = request.route
        if request.call.method == "POST":
            request.raw |= self.profile.read_body(request.call)
        own = route.answer.params() if isinstance(route.answer, List) else ()
        for param in (*route.params, *own):
            if param.name not in request.params:
                request.params[param.name] = param.read(request.raw.get(param.name))

    # -- rate limits

    def _usages(
        self, call: Call, route: Route, now: int, *, is_counted: bool
    ) -> tuple[Usage, ...]:
        """The usage of each budget of the route. Refuses a request beyond the budget."""
        usages = []
        for budget, weight in (*self.profile.costs, *route.costs):
            usage = self._usage(budget, weight if is_counted else 0, call, route, now)
            usages.append(usage)
            if is_counted and usage.used > budget.allowed:
                error = self.profile.too_many
                raise Refusal(*(error(call, usage) if callable(error) else error))
        return tuple(usages)

    def _usage(self, budget: Budget, weight: int, call: Call, route: Route, now: int) -> Usage:
        pace = self.world.pace
        if pace is None:
            return Usage(budget, weight, now + budget.span)
        who = call.ip
        if budget.per != "ip":
            who = self.label_of(call)
            key: Key | None = self.keys.get(who)
            who = f"{budget.per}:{key.uid if key and budget.per == 'uid' else who}"
        if budget.each_route:
            who = f"{who} {route.path}"
        current = int(now * pace) // budget.span
        known, used = self._counts.get((budget, who), (current, 0))
        used = (used if known == current else 0) + weight
        self._counts[budget, who] = (current, used)
        return Usage(budget, used, int((current + 1) * budget.span / pace))

    def _refused(self, error: Error, usages: tuple[Usage, ...]) -> Answer:
        profile = self.profile
        headers: Headers = profile.refusal_headers(usages)
        body = msgspec.json.encode(profile.error_body(error))
        return Answer(error.status, body, headers, profile.error_type)
