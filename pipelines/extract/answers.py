"""Read the parts of a response that the spec describes: envelope, rows, single values.

Rows are extracted as bytes and never parsed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pipelines.errors import RequestError
from pipelines.extract.records import cut_list
from pipelines.spec import Envelope, ExchangeSpec, StreamSpec

_ANYTHING = msgspec.json.Decoder()
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
EACH = "[]"


class Said(NamedTuple):
    """Code and message of a response. `is_failure`: it has a member that only failures have."""

    code: str
    message: str
    is_failure: bool


def value_at(body: bytes, place: str) -> Any:
    """The value at a dotted path, or None. In a list, the first item is read."""
    found: Any = body
    for step in place.split("."):
        try:
            text = bytes(found).lstrip()
            if text.startswith(b"["):
                text = bytes(next(iter(msgspec.json.decode(text, type=list[msgspec.Raw])), b"{}"))
            found = _MEMBERS.decode(text).get(step)
        except msgspec.DecodeError:
            return None
        if found is None:
            return None
    return _value(bytes(found))


def _value(raw: bytes) -> Any:
    try:
        return _ANYTHING.decode(raw)
    except msgspec.DecodeError:  # msgspec refuses numbers such as `1e400`
        return raw.decode()


def said_by(envelope: Envelope, body: bytes) -> Said | None:
    """The code and the message of a response; None if it is not this exchange's JSON.

    A list without envelope is a success without a code.
    """
    text = body.lstrip()
    if text.startswith(b"["):
        return Said("", "", is_failure=False)
    try:
        members = _MEMBERS.decode(text)
    except msgspec.DecodeError:
        return None
    code = value_at(text, envelope.code) if envelope.code else None
    messages = (value_at(text, place) for place in envelope.message)
    message = next((str(each) for each in messages if each), "")
    is_failure = any(_value(bytes(members[name])) for name in envelope.error if name in members)
    return Said("" if code is None else str(code), message, is_failure)


def rows_of_answer(spec: ExchangeSpec, stream: StreamSpec, body: bytes) -> list[msgspec.Raw]:
    """The rows of a response, each as its own bytes.

    `null` on the path to the rows means an empty list. Raises RequestError if a member of the path
    is missing.
    """
    place = spec.envelope.rows_at if stream.rows_at is None else stream.rows_at
    if stream.count_at and value_at(body, stream.count_at) == 0 and value_at(body, place) is None:
        return []
    if not place:
        if body.strip() == b"null":
            raise RequestError("the response is null instead of a list", kind="not_understood")
        return cut_list(body, stream.record_id)
    rows: list[msgspec.Raw] = []
    steps = place.split(".")
    for part in _parts(body, steps):
        if stream.rows_at is None and (named := _named_list(spec.envelope, stream, part)):
            part = named
        is_row = EACH in steps and not bytes(part).startswith((b"[", b"null"))
        rows += [part] if is_row else cut_list(part, stream.record_id)
    return rows


def _parts(body: bytes | msgspec.Raw, steps: list[str]) -> list[msgspec.Raw]:
    """The values at the end of the path."""
    if not steps:
        return [msgspec.Raw(bytes(body))]
    if bytes(body).strip() == b"null":
        return []
    step, *rest = steps
    if step == EACH:
        items = cut_list(body, (rest[0],) if rest else ())
        return [part for item in items for part in _parts(item, rest)]
    members = _MEMBERS.decode(bytes(body))
    if step not in members:
        raise RequestError(f"the response has no {step}", kind="not_understood")
    return _parts(members[step], rest)


def _named_list(envelope: Envelope, stream: StreamSpec, part: msgspec.Raw) -> msgspec.Raw | None:
    """The list in an object that is not itself a record."""
    if not envelope.list_names or not bytes(part).lstrip().startswith(b"{"):
        return None
    members = _MEMBERS.decode(bytes(part))
    named = [value for name, value in members.items() if name in envelope.list_names]
    if len(named) != 1 or not members.keys().isdisjoint(stream.record_id):
        return None
    return msgspec.Raw(b"null") if bytes(named[0]) == b'""' else named[0]
