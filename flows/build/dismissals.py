"""Findings that the user has set aside: read from `data/findings.yml`, put where the models look.

The file is a list; each item has `id` and `reason`, and may have `by` and `on` (a day):

    - id: 3f2a9c0d1e4b
      reason: the account was only opened to try it out
      by: Ada
      on: 2026-11-21

A finding set aside keeps its row and changes its state, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from pipelines.errors import LookbackError
from pipelines.home import Home

FIELDS = ("id", "reason", "by", "on")
NEEDED = ("id", "reason")
EXAMPLE = "write each as `- id: <finding_id>`, and below it `reason: <why>`, `by:` and `on: <day>`"


@dataclass(frozen=True)
class Dismissal:
    """One finding set aside, and the line of the file that says so."""

    finding_id: str
    reason: str
    by: str | None
    on: date | None
    line: int


def file_of(home: Home) -> Path:
    """Where the user writes them."""
    return home.data / "findings.yml"


def read(home: Home) -> list[Dismissal]:
    """What the file says; nothing where there is none.

    Raises LookbackError that names the line and what to write there.
    """
    file = file_of(home)
    if not file.exists():
        return []
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _bad(file, line, error.problem or "it is not YAML") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _bad(file, 1, "it is not YAML") from error
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise _bad(file, _line(root), "it must be a list")
    found: dict[str, Dismissal] = {}
    for item in root.value:
        dismissal = _one(file, item)
        if (earlier := found.get(dismissal.finding_id)) is not None:
            raise _bad(
                file,
                dismissal.line,
                f"{dismissal.finding_id} is set aside on line {earlier.line} already",
            )
        found[dismissal.finding_id] = dismissal
    return list(found.values())


def _one(file: Path, item: yaml.Node) -> Dismissal:
    """One item of the list, every value as it is written (`on` is no boolean here)."""
    line = _line(item)
    if not isinstance(item, yaml.MappingNode):
        raise _bad(file, line, "it must be a list of items with an id and a reason")
    said: dict[str, str] = {}
    for name, value, at in _fields(file, item):
        if name not in FIELDS:
            raise _bad(file, at, f"there is no field {name!r}, only {', '.join(FIELDS)}")
        said[name] = value
    for name in NEEDED:
        if not said.get(name):
            raise _bad(file, line, f"{name} is missing")
    try:
        on = date.fromisoformat(said["on"]) if said.get("on") else None
    except ValueError as error:
        raise _bad(file, line, f"{said['on']!r} is no day such as 2026-11-21") from error
    return Dismissal(said["id"], said["reason"], said.get("by") or None, on, line)


def _fields(file: Path, item: yaml.MappingNode) -> Iterator[tuple[str, str, int]]:
    for key, value in item.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise _bad(file, _line(key), "each field is one word and one value")
        is_null = value.tag == "tag:yaml.org,2002:null"
        yield key.value, "" if is_null else value.value.strip(), _line(key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _bad(file: Path, line: int, reason: str) -> LookbackError:
    return LookbackError(f"{file}, line {line}: {reason}", remedy=EXAMPLE)


def load(home: Home) -> None:
    """Put what the file says into `raw_user.dismissals`, in place of what it said before."""
    import duckdb

    said = read(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists raw_user")
        connection.execute(
            """
            create or replace table raw_user.dismissals (
                finding_id varchar not null, reason varchar not null,
                dismissed_by varchar, dismissed_on date, line bigint
            )
            """
        )
        if said:
            connection.executemany(
                "insert into raw_user.dismissals values (?, ?, ?, ?, ?)",
                [[each.finding_id, each.reason, each.by, each.on, each.line] for each in said],
            )
