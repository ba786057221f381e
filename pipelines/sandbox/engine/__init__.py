"""The engine that every simulator shares, and how to write the profile of a new exchange.

`server.py` is HTTP, clock, faults, request log and ground truth; `account.py`, `schedule.py`,
`history.py` and `moves.py` generate what happens to a simulated account; `adapter.py` is the
interface between both and an exchange. `wire.py` holds the types of a wire contract, `simulator.py`
enforces one, `table.py` has the rows of a list, `ledger.py` the ground truth.

A profile is the folder `pipelines/sandbox/<exchange>/` with `simulator.py`, whose `build(world)`
returns `Simulator(Profile(...), world)`; the folder alone registers it. About 250 lines are enough:
put all into `simulator.py`, and split it only when it grows. Write it from the exchange's
documentation. Do not read the client's code or spec and import nothing of them: what both get wrong
would pass every test. `tests/example_exchange/` holds a whole small profile to start from.

1. Venue: assets and markets. The amounts of an asset are integers of 10**-scale.

       VENUE = Venue(name="acme", cash="USDT", rewards=("airdrop",), other_wallets=("funding",),
                     assets=(Asset("BTC", 8, Decimal(60_000), ("BTC",), Decimal("0.0005")), ...),
                     markets=(Market("BTCUSDT", "BTC", "USDT", 2, 5, 6_000_000), ...))

2. Ledger: one class that turns events into records. `Ledger` has movements, balances and the
   canonical ground truth of deposits, withdrawals, trades and transfers. `records` names the tables
   whose ids are record ids; other tables require an override.

       class AcmeLedger(Ledger):
           records = ("trades", "deposits", "withdrawals", "transfers", "conversions")

           def __init__(self, history, uid):
               super().__init__(history, uid)
               fills = self.of(SpotFill)
               self.tables = {"trades": Table(fills, range(1, len(fills) + 1), self._trade,
                                              group=lambda fill: fill.market.symbol), ...}

           def _trade(self, fill, number, now):   # the record as it reads at `now`
               return {"id": number, "price": exact(fill.price, fill.market.price_scale), ...}

   The order of a record's members is the order on the wire. A `msgspec.Raw` writes a JSON number
   with the very digits. The tables `trades`, `deposits`, `withdrawals`, `transfers` are read by the
   inherited ground truth; the names of all tables are those of the streams in `counts`. Override
   `record_id` (symbol and id, where ids count by symbol), `asset`, `scale`, `shown_at`, `entries`.

3. Keys: `Key(label, profile, uid, rights, ips, state)`, the main read-only key first; the last two
   characters of a uid are digits. Usual ones: read-only, trading, withdrawing, disabled, ip-bound,
   empty. `make_card(key, rng)` draws the strings, by default a key and a secret of 64 hex digits;
   `shown_key(call)` finds the API key of a call,
   `authenticate(request, card)` makes every check of key and signature in the documented order and
   raises `Refusal(status, code, text)`; `verify` makes those that follow the parameters' checks
   (step "signature" of `order`). The right for a route is `Route.rights`; identity and permission
   routes are functions of `request.key`.

4. Routes. `answer` is a function of the request, or a `List`:

   * `Whole("limit", 500, 1, 1000)` is the page's length; `clips=True` serves a larger one as the
     largest. `Text("type", required=True, choices=TYPES)` refuses others; `case="upper"` reads any
     case. `Moment("startTime")` reads ISO 8601. Parameters are checked in the order of
     `Route.params`, then those of the list; an unknown one is ignored.
   * `Window(default=90 * DAY, most=90 * DAY - 1, too_wide=Error(...), retention=180 * DAY)`: an
     error that is None clips instead of refusing. `unit=SECOND` for bounds in seconds, `required`,
     `start_alone="one default"`, `excludes_end`, `refuses_empty`. Derive a class for other rules.
   * paging: `FromId("fromId")` (ids on, inclusive), `Numbered("current")`, `Offset("offset")`,
     `Token("page_token", "last id")`, `Newest()` (no page parameter). A list with `FromId` or
     `Token` needs ids that ascend with time.
   * `order` is the order of the rows on the page. `keeps="oldest if start"` with order "oldest"
     serves the oldest rows from a start or an id on, and without either the newest ones.
   * `filters={"coin": "coin"}` compares a parameter with a field (`any_case`), `group="symbol"`
     with the table's group, `keep(request, event)` is any other test, `check(request)` refuses,
     e.g. combinations of parameters. `shape=lambda page: {"rows": page.rows, "total": page.total}`.
   * A list per type (two tables behind one route) gives `table` as a function of the request.
     A `Table` with `shown_until` replaces rows by later ones, e.g. states of an order.

5. Limits: `Budget(6000)` is weight a minute from one address on all routes that cost something of
   it; `Budget(180_000, per="uid", each_route=True, header="X-...")` one for each route.
   `Route.costs=((BUDGET, 20),)`, `Profile.costs` for every request; `rate_headers(usages)` and
   `refusal_headers(usages)` write the headers.

6. Errors: `bad_param(request, name, problem)` for "missing", "malformed", "range", "choice";
   `not_found`, `no_right(right)`, `too_many`, `error_body(error)`; `faults` names those that tests
   inject ("429", the exchange's own codes). `order` says in which order key, rights, rate, params
   and answer are checked. `envelope` is what is around the data, by profile or by route.

7. Oddities that no field expresses are functions: `before(call, now)` (firewall, end of service),
   `Token.shorten`, a derived `Window`, any `answer`. Switches: `world.option("acme.x", default)`.

8. Tests in `tests/sandbox/test_<exchange>.py`: published signature vectors; each refusal; pages and
   windows add up to `box.truth(...)`; ccxt's client, where it has one, gets every answer.
"""
