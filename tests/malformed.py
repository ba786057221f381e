"""A simulator with malformed records: most of them have one small error.

A record always has the same error, so that it does not change between two reads. Fields of id, time
and status stay correct: otherwise it would be another record, or none.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipelines import registry
from pipelines.sandbox.engine.adapter import Answer, Call
from pipelines.sandbox.engine.server import Sandbox
from pipelines.spec import StreamSpec

PROBE = "xUndocumented"
WORD = "Moon landing"
FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass
class Mutations:
    """The mutations of each stream: the kind, the field, and the record's bytes."""

    done: dict[str, dict[bytes, tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def kinds(self, stream: str) -> set[str]:
        """The oddities that records of that stream have."""
        return {kind for kind, _ in self.done[stream].values()}


def mutate(box: Sandbox, name: str, *, worded: frozenset[str] = frozenset()) -> Mutations:
    """From now on that exchange answers so. `worded` fields get no other word."""
    adapter, spec = box.shell.adapters[name], registry.exchange(name).spec
    streams: dict[str, list[StreamSpec]] = defaultdict(list)
    for stream in spec.streams:
        if stream.kind == "history":
            streams[stream.path].append(stream)
    mutations, plain = Mutations(), adapter.handle

    def handle(call: Call) -> Answer:
        answer = plain(call)
        found = streams.get(call.path)
        if answer.status != 200 or not found or "csv" in answer.content_type:
            return answer
        body = _within(answer.body.strip(), found[0], worded, mutations)
        return Answer(answer.status, body, answer.headers, answer.content_type)

    adapter.handle = handle  # type: ignore[method-assign]
    return mutations


def _within(text: bytes, stream: StreamSpec, worded: frozenset[str], mutations: Mutations) -> bytes:
    if text.startswith(b"["):
        items = msgspec.json.decode(text, type=list[msgspec.Raw])
        return b"[" + b",".join(_record(bytes(i), stream, worded, mutations) for i in items) + b"]"
    if text.startswith(b"{"):
        members = FIELDS.decode(text)
        if set(stream.record_id) <= set(members):
            return _record(text, stream, worded, mutations)
        return _join({n: _within(bytes(v).strip(), stream, worded, mutations)
                      for n, v in members.items()})  # fmt: skip
    return text


def _join(members: dict[str, bytes]) -> bytes:
    pairs = (msgspec.json.encode(name) + b":" + value for name, value in members.items())
    return b"{" + b",".join(pairs) + b"}"


def _record(text: bytes, stream: StreamSpec, worded: frozenset[str], mutations: Mutations) -> bytes:
    if not text.startswith(b"{"):
        return text
    members = {name: bytes(value).strip() for name, value in FIELDS.decode(text).items()}
    if not set(stream.record_id) <= set(members):
        return text
    kept = {*stream.record_id, stream.time_field, stream.scope, stream.status_field}
    open_to = [name for name in sorted(members) if name not in kept]
    chance = zlib.crc32(b"|".join(members[name] for name in stream.record_id))
    if not open_to:
        return text
    name = open_to[chance // 16 % len(open_to)]
    kind, value = _oddity(chance % 16, members[name])
    if kind == "extra":
        name, value = PROBE, b'{"a":[1,null]}'
    if not kind or (kind in ("word", "case", "object") and name in worded):
        return text
    if value is None:
        del members[name]
    else:
        members[name] = value
    made = _join(members)
    mutations.done[stream.name][made] = (kind, name)
    return made


def _oddity(choice: int, value: bytes) -> tuple[str, bytes | None]:
    """The mutation of a value: its kind and the new JSON, None if the field is removed."""
    reported: Any = msgspec.json.decode(value)
    is_word = isinstance(reported, str) and reported.strip("+-.0123456789") != ""
    is_digits = isinstance(reported, str) and reported != "" and not is_word
    match choice:
        case 0 | 1:
            return "extra", b""
        case 2 | 3:
            return "missing", None
        case 4 | 5:
            return "null", b"null"
        case 6 | 7:
            return "blank", b'""'
        case 8 | 9 if is_digits and _is_number(reported):
            return "bare number", reported.encode()
        case 8 | 9 if isinstance(reported, int) and not isinstance(reported, bool):
            return "quoted number", b'"' + value + b'"'
        case 10 | 11 if is_word:
            return "word", msgspec.json.encode(WORD)
        case 12 if is_word:
            return "case", msgspec.json.encode(reported.swapcase())
        case 13 if is_word:
            return "object", b'{"value":[]}'
        case _:
            return "", value


def _is_number(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), int | float)
    except msgspec.DecodeError:
        return False
