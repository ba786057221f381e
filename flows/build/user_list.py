"""Read a user's YAML file: a list of items, with line numbers for messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from pipelines.errors import LookbackError


class Item(dict[str, str]):
    """One item: its non-empty fields as text (`on` is not a boolean here)."""

    def __init__(self, fields: dict[str, str], file: Path, line: int, example: str) -> None:
        super().__init__(fields)
        self.file, self.line, self._example = file, line, example

    def bad(self, reason: str) -> LookbackError:
        """An error with this item's line and the correct format."""
        return _bad(self.file, self.line, reason, self._example)

    def day(self, name: str) -> date | None:
        """The date in a field; None if the field is missing."""
        try:
            return date.fromisoformat(self[name]) if name in self else None
        except ValueError as error:
            raise self.bad(f"{self[name]!r} is not a date such as 2026-11-21") from error


@dataclass(frozen=True)
class UserList:
    """The format of the items of a file."""

    needed: Sequence[str]
    optional: Sequence[str]
    example: str

    def read(self, file: Path) -> list[Item]:
        """The items of the file; none if there is no file.

        Raises LookbackError with the line and the correct format.
        """
        if not file.exists():
            return []
        try:
            root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self._bad(file, line, error.problem or "the file is not valid YAML") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise self._bad(file, 1, "the file is not valid YAML") from error
        if root is None:
            return []
        if not isinstance(root, yaml.SequenceNode):
            raise self._bad(file, _line(root), "the file must be a list")
        return [self._item(file, node) for node in root.value]

    def _item(self, file: Path, node: yaml.Node) -> Item:
        line = _line(node)
        if not isinstance(node, yaml.MappingNode):
            wanted = " and ".join(f"{'an' if n[0] in 'aeio' else 'a'} {n}" for n in self.needed)
            raise self._bad(file, line, f"each item must be a mapping with {wanted}")
        names = (*self.needed, *self.optional)
        fields: dict[str, str] = {}
        for name, value, at in self._fields(file, node):
            if name not in names:
                raise self._bad(
                    file, at, f"unknown field {name!r}; the fields are {', '.join(names)}"
                )
            fields[name] = value
        for name in self.needed:
            if not fields.get(name):
                raise self._bad(file, line, f"{name} is missing")
        given = {name: value for name, value in fields.items() if value}
        return Item(given, file, line, self.example)

    def _fields(self, file: Path, node: yaml.MappingNode) -> Iterator[tuple[str, str, int]]:
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
                raise self._bad(file, _line(key), "each field must be one name and one value")
            is_null = value.tag == "tag:yaml.org,2002:null"
            yield key.value, "" if is_null else value.value.strip(), _line(key)

    def _bad(self, file: Path, line: int, reason: str) -> LookbackError:
        return _bad(file, line, reason, self.example)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _bad(file: Path, line: int, reason: str, example: str) -> LookbackError:
    return LookbackError(f"{file}, line {line}: {reason}", remedy=example)
