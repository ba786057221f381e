"""The exchanges, which are the folders in `pipelines/exchanges/`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from pipelines import exchanges
from pipelines.extract.exchange import Exchange


@cache
def names() -> tuple[str, ...]:
    """The names of all exchanges, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(exchanges.__path__)))


@cache
def exchange(name: str) -> Exchange:
    """The exchange of that name. Raises KeyError."""
    if name not in names():
        raise KeyError(name)
    found: Exchange = importlib.import_module(f"pipelines.exchanges.{name}.api").EXCHANGE
    return found
