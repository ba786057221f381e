"""The fields of an exchange's records.

They are declared in `dbt_project/models/staging/<exchange>/_<exchange>__base.yml`, from which dbt
makes the base models. A file is read once, when one of its fields is first used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from pipelines.home import PROJECT

STAGING = PROJECT / "dbt_project" / "models" / "staging"


@cache
def declared_fields(exchange: str) -> Mapping[str, Mapping[str, str]]:
    """By stream: the record's field names in the order of the declaration, with their types.

    Types are those of the macro `base_models`: "" for text, `amount`, `minor`, `iso` and so on.
    """
    text = (STAGING / exchange / f"_{exchange}__base.yml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    models = yaml.load(text, Loader=loader)["models"]  # noqa: S506
    return {
        model["name"].removeprefix(f"base_{exchange}__"): {
            field: kind for column in model["columns"] for field, kind in _fields(column)
        }
        for model in models
    }


def _fields(column: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of the record from which a column is read: one, several alternatives, or none."""
    meta = column.get("config", {}).get("meta", {})
    kind = meta.get("type", "")
    if kind == "scope":
        return
    field = meta.get("inside") or meta.get("field", column["name"])
    yield from ((name, kind) for name in ([field] if isinstance(field, str) else field))
