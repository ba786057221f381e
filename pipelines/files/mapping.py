"""A user's own mapping of a file's columns to a stream, as YAML, and a template of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import LookbackError
from pipelines.site_format import BalanceProof, SiteFormat
from pipelines.spec import ExchangeSpec, StreamSpec

KEYS = ("stream", "columns", "constants", "time", "balance", "ignore", "scope")
TIME_KEYS = ("column", "format", "zone")
BALANCE_KEYS = ("balance", "amount", "fee", "of")


def template_of(spec: ExchangeSpec, name: str) -> str:
    """A mapping to fill in, with every field of the stream. Raises LookbackError."""
    stream = _stream(spec, name)
    times = {stream.time_field, *stream.other_times}
    fields = [field for field in stream.fields if field not in times]
    lines = "\n".join(f"  # {field}: " for field in fields)
    return f"""\
# Mapping of a file to the stream {stream.name} of {spec.title}.
# {stream.affects[:1].upper()}{stream.affects[1:]}
# Fields and their meaning: {stream.docs_url}
stream: {stream.name}

# Field of the stream: column of the file. Remove the # of each field that the file has.
columns:
{lines}

# Field of the stream: the same text in every row, such as a side or a status.
constants: {{}}

# The time of each row. `format` is a strptime pattern, `zone` the time zone of the file.
time:
  column: Time
  format: "%Y-%m-%d %H:%M:%S"
  zone: UTC

# Optional: columns by which each row proves the one before (balance = previous + amount + fee).
# balance: {{balance: Balance, amount: Amount, fee: Fee, of: [Coin]}}

# Optional: rows that moved nothing, by column and values.
# ignore: {{Status: [Canceled]}}
"""


def read_mapping(path: Path, spec: ExchangeSpec) -> SiteFormat:
    """The format that a mapping file declares. Raises LookbackError."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(
            path, f"cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise _wrong(path, f"is not YAML{place}: {getattr(error, 'problem', '')}") from error
    mapping = _section(path, found, "", KEYS)
    stream = _stream(spec, str(mapping.get("stream") or ""), path)
    columns = _texts(path, mapping, "columns")
    constants = _texts(path, mapping, "constants")
    _known(path, {**columns, **constants}, stream.fields, f"field of {stream.name}")
    time = _section(path, mapping.get("time"), "time", TIME_KEYS)
    if not time.get("column") or not time.get("format"):
        raise _wrong(path, "lacks time.column or time.format")
    if not columns:
        raise _wrong(path, "maps no columns")
    return SiteFormat(
        name=f"mapped_{stream.name}",
        title=f"mapping {path.name}",
        page="",
        stream=stream.name,
        headers=(),
        has_any_order=True,
        fields={**columns, **{key: f"={value}" for key, value in constants.items()}},
        time_column=str(time["column"]),
        times=(str(time["format"]),),
        zone=str(time.get("zone") or ""),
        proof=_proof(path, mapping.get("balance")),
        ignored={
            column: frozenset(map(str, values if isinstance(values, list) else [values]))
            for column, values in _section(path, mapping.get("ignore"), "ignore").items()
        },
        compared=(*stream.decimal_fields, *stream.minor_fields),
        source=path.name,
        confidence="user",
    )


def _proof(path: Path, found: object) -> BalanceProof | None:
    if found is None:
        return None
    balance = _section(path, found, "balance", BALANCE_KEYS)
    if not balance.get("balance") or not balance.get("amount"):
        raise _wrong(path, "lacks balance.balance or balance.amount")
    of = balance.get("of") or []
    return BalanceProof(
        balance=str(balance["balance"]),
        amount=str(balance["amount"]),
        fee=str(balance.get("fee") or ""),
        of=tuple(map(str, of if isinstance(of, list) else [of])),
    )


def _stream(spec: ExchangeSpec, name: str, path: Path | None = None) -> StreamSpec:
    names = [stream.name for stream in spec.streams if stream.kind == "history"]
    if name not in names:
        what = f"{path.name} names" if path else "there is"
        raise LookbackError(
            f"{what} no stream {name!r} of {spec.title}", remedy=f"streams: {', '.join(names)}"
        )
    return spec.stream(name)


def _section(path: Path, found: object, name: str, keys: Collection[str] = ()) -> Mapping[str, Any]:
    if found is None and name:
        return {}
    if not isinstance(found, dict):
        raise _wrong(path, f"{name or 'the file'} is not a list of `name: value`")
    section = {str(key): value for key, value in found.items()}
    if keys:
        _known(path, section, keys, f"key of {name or 'a mapping'}")
    return section


def _texts(path: Path, mapping: Mapping[str, Any], name: str) -> dict[str, str]:
    section = _section(path, mapping.get(name), name)
    return {key: str(value) for key, value in section.items() if value is not None}


def _known(path: Path, found: Collection[str], known: Collection[str], what: str) -> None:
    for key in found:
        if key not in known:
            near = get_close_matches(key, known, 1)
            raise _wrong(
                path,
                f"has an unknown {what}: {key}" + (f" (did you mean {near[0]}?)" if near else ""),
                f"known: {', '.join(known)}",
            )


def _wrong(path: Path, what: str, remedy: str = "") -> LookbackError:
    return LookbackError(
        f"{path.name} {what}",
        remedy=remedy or "write a new one with lookback import EXCHANGE --template STREAM",
    )
