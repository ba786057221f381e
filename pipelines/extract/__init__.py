"""Read an exchange: from the declaration of a stream to its records.

How to declare a stream (`pipelines.spec`), by the parameters of its route:

    start and end, newest first, "older than id"   paging=TimeDescending(limit=…, cursor=…)
    start and end, oldest first, "skip n rows"     paging=TimeAscending(limit=…, offset=…)
    start and end, newest rows, no second page     paging=NewestOfSpan(limit=…)
    a cursor from the response                     paging=CursorPaging(cursor=…, read_from=…)
    the id of the last row as the cursor           paging=CursorPaging(cursor=…)
    the first id, oldest first                     paging=IdAscending(from_id=…)
    offset or page number, newest first            paging=OffsetPaging(…) or PageNumbers(number=…)
    none: only the newest rows                     paging=NewestRows(limit=…), newest_rows=…
    none: all rows in one response                 SinglePage(may_be_cut=…), or nothing

`bounds=Bounds(start=…, end=…, unit=…, includes_end=…)` defines how a window is written. With a
cursor, an offset or page numbers, bounds are optional and stay the same for all pages of a window;
the window is at most `max_window` wide. `sends` are constant parameters; `scope` is the parameter
that is requested value by value, and `scope_sends` is sent instead of it. `ExchangeSpec.paging` is
the default of histories. A parameter that the route does not take (`params`) is refused when the
spec is imported.

The envelope (`ExchangeSpec.envelope`) has the places of code, message and rows. `rows_at` of a
stream overrides the place of the rows: "data.records", "rows", "[].positions", or "" for a list
without envelope.

`failures.ErrorTable` explains codes, messages and statuses; `answers` extracts the rows; `paging`
builds the paginator from `paginators`; `exchange.Exchange` has hooks for everything else.
"""
