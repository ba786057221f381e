"""The fields of a key as a person enters them: trimmed, complete, and each in its place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.errors import LookbackError
from pipelines.spec import ExchangeSpec

INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"
"""Characters without width, which some sites copy along."""

QUOTES = ('""', "''", "“”", "``")


@dataclass(frozen=True)
class Entered:
    """The fields of a key under the exchange's own names, and what was changed in them."""

    fields: Mapping[str, str]
    notes: tuple[str, ...] = ()


def entered(spec: ExchangeSpec, label: str, given: Mapping[str, str]) -> Entered:
    """The key of an exchange from the fields that were given; aliases get their own name.

    Raises LookbackError for a field that is unknown, missing, doubled, or in another's place.
    """
    by_name: dict[str, str] = {}
    notes = []
    for name, value in given.items():
        field = spec.credential_aliases.get(name, name)
        if field not in spec.credential_fields:
            raise _unknown(spec, label, name)
        text = trimmed(value)
        if text != value:
            notes.append(f"{name}: white space or quotes around it were removed")
        by_name[field] = by_name.get(field) or text
    for field in spec.credential_fields:
        by_name.setdefault(field, "")
    _require_all(spec, label, by_name)
    _require_places(spec, label, by_name)
    return Entered(by_name, tuple(notes))


def trimmed(value: str) -> str:
    """The value without white space, invisible characters and quotes around it."""
    text = value.strip().strip(INVISIBLE).strip()
    if len(text) > 2 and f"{text[0]}{text[-1]}" in QUOTES:
        text = text[1:-1].strip()
    return text


def _unknown(spec: ExchangeSpec, label: str, name: str) -> LookbackError:
    known = [*spec.credential_fields, *spec.credential_aliases]
    near = difflib.get_close_matches(name, known, n=1)
    return LookbackError(
        f"a key of {spec.title} has no field {name[:40]!r}",
        account=label,
        remedy=f"write {near[0]!r}" if near else f"the fields are: {', '.join(known)}",
    )


def _require_all(spec: ExchangeSpec, label: str, fields: Mapping[str, str]) -> None:
    """Raises LookbackError if a required field is empty, or has white space inside."""
    for name in spec.credential_fields:
        if not fields[name] and name not in spec.optional_credentials:
            raise LookbackError(
                f"{name} is missing",
                account=label,
                remedy=f"a key of {spec.title} has {' and '.join(spec.credential_fields)}: "
                f"`lookback guide {spec.name}`",
            )
    for name in ("key", "secret"):
        if re.search(r"\s", fields.get(name, "")):
            raise LookbackError(
                f"{name} has white space inside",
                account=label,
                remedy="copy it again as one line",
            )


def _require_places(spec: ExchangeSpec, label: str, fields: Mapping[str, str]) -> None:
    """Raises LookbackError if two fields are equal, or if their shape proves that they swapped."""
    names = [name for name in spec.credential_fields if fields[name]]
    for one in names:
        for other in names[names.index(one) + 1 :]:
            if fields[one] == fields[other]:
                raise LookbackError(
                    f"{one} and {other} are the same text",
                    account=label,
                    remedy=f"copy {one} and {other} separately from the exchange's site",
                )
            if are_swapped(spec, fields, one, other):
                raise LookbackError(
                    f"{one} and {other} are swapped: each has the shape of the other",
                    account=label,
                    remedy=f"enter {one} as {other} and {other} as {one}; nothing was sent",
                )


def are_swapped(spec: ExchangeSpec, fields: Mapping[str, str], one: str, other: str) -> bool:
    """Whether the shapes prove that two fields are in each other's place."""

    def fits(value: str, field: str) -> bool | None:
        shape = spec.credential_shapes.get(field)
        return None if shape is None else re.fullmatch(shape, value) is not None

    stays = [fits(fields[one], one), fits(fields[other], other)]
    moves = [fits(fields[one], other), fits(fields[other], one)]
    return True not in stays and False in stays and False not in moves and True in moves
