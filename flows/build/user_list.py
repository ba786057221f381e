"""A YAML file of the user: a list of items of a few fields each, read with its line numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from pipelines.errors import LookbackError


class Item(dict[str, str]):
    """One item: its fields as they are written (`on` is no boolean here), empty ones left out."""

    def __init__(self, fields: dict[str, str], file: Path, line: int, example: str) -> None:
        super().__init__(fields)
        self.file, self.line, self._example = file, line, example

    def bad(self, reason: str) -> LookbackError:
        """The error that names this item's line and what to write there."""
        return _bad(self.file, self.line, reason, self._example)

    def day(self, name: str) -> date | None:
        """A field that is a day; None where it is missing."""
        try:
            return date.fromisoformat(self[name]) if name in self else None
        except ValueError as error:
            raise self.bad(f"{self[name]!r} is no day such as 2026-11-21") from error


@dataclass(frozen=True)
class UserList:
    """What the items of a file look like."""

    needed: Sequence[str]
    optional: Sequence[str]
    example: str

    def read(self, file: Path) -> list[Item]:
        """The file's items; none where there is no file.

        Raises LookbackError that names the line and what to write there.
        """
        if not file.exists():
            return []
        try:
            root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self._bad(file, line, error.problem or "it is not YAML") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise self._bad(file, 1, "it is not YAML") from error
        if root is None:
            return []
        if not isinstance(root, yaml.SequenceNode):
            raise self._bad(file, _line(root), "it must be a list")
        return [self._item(file, node) for node in root.value]

    def _item(self, file: Path, node: yaml.Node) -> Item:
        line = _line(node)
        if not isinstance(node, yaml.MappingNode):
            wanted = " and ".join(f"{'an' if n[0] in 'aeio' else 'a'} {n}" for n in self.needed)
            raise self._bad(file, line, f"it must be a list of items with {wanted}")
        names = (*self.needed, *self.optional)
        fields: dict[str, str] = {}
        for name, value, at in self._fields(file, node):
            if name not in names:
                raise self._bad(file, at, f"there is no field {name!r}, only {', '.join(names)}")
            fields[name] = value
        for name in self.needed:
            if not fields.get(name):
                raise self._bad(file, line, f"{name} is missing")
        given = {name: value for name, value in fields.items() if value}
        return Item(given, file, line, self.example)

    def _fields(self, file: Path, node: yaml.MappingNode) -> Iterator[tuple[str, str, int]]:
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
                raise self._bad(file, _line(key), "each field is one word and one value")
            is_null = value.tag == "tag:yaml.org,2002:null"
            yield key.value, "" if is_null else value.value.strip(), _line(key)

    def _bad(self, file: Path, line: int, reason: str) -> LookbackError:
        return _bad(file, line, reason, self.example)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _bad(file: Path, line: int, reason: str, example: str) -> LookbackError:
    return LookbackError(f"{file}, line {line}: {reason}", remedy=example)
