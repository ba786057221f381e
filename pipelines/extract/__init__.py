"""Reading an exchange: from what a spec declares to records.

How to declare a stream (`pipelines.spec`), by what its route takes:

    start and end, newest first, "older than id"   paging=TimeDescending(limit=…, cursor=…)
    start and end, oldest first, "skip n rows"     paging=TimeAscending(limit=…, offset=…)
    start and end, newest rows, no way on          paging=NewestOfSpan(limit=…)
    a cursor that the answer names                 paging=CursorPaging(cursor=…, read_from=…)
    the id of the last row as the cursor           paging=CursorPaging(cursor=…)
    an id from which rows come, oldest first       paging=IdAscending(from_id=…)
    offset or page number, newest first            paging=OffsetPaging(…) or PageNumbers(number=…)
    its newest rows and nothing else               paging=NewestRows(limit=…), newest_rows=…
    nothing: all rows in one answer                SinglePage(may_be_cut=…), or nothing

`bounds=Bounds(start=…, end=…, unit=…, includes_end=…)` says how a window is written. With a cursor,
an offset or page numbers, bounds are optional and stay the same for all pages of a window; the
window is at most `max_window` wide. `sends` are constant parameters; `scope` is the parameter that
is requested value by value, `scope_sends` what is sent instead of it. `ExchangeSpec.paging` is what
histories have that declare nothing. A parameter that the route does not take (`params`) is refused
when the spec is imported.

The envelope (`ExchangeSpec.envelope`) says where code, message and rows are. `rows_at` of a stream
overrides the last: "data.records", "rows", "[].positions", or "" for a bare list.

`failures.ErrorTable` says what codes, messages and statuses mean; `answers` cuts the rows out;
`paging` builds the paginator; `exchange.Exchange` has hooks for what none of them can say. What a
paginator does with an answer is in `paginators`.
"""
