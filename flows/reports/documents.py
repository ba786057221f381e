"""Write a document as a Markdown page and as JSON."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from flows.reports.dossier import canonical
from pipelines.errors import LookbackError


@dataclass(frozen=True)
class Written:
    """The paths of the two files, and the content of the JSON."""

    page: Path
    data: Path
    document: dict[str, object]


def write_both(folder: Path, name: str, page: str, document: dict[str, object]) -> Written:
    """Write `name`.md and `name`.json into the folder, each atomically, readable by the owner only.

    Raises LookbackError if the folder is not writable.
    """
    safe = file_name(name)
    written = Written(folder / f"{safe}.md", folder / f"{safe}.json", document)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(written.page, page)
        _write(written.data, canonical(document))
    except OSError as error:
        raise LookbackError(
            f"cannot write to {folder}: {error.strerror}", remedy="name another folder with --to"
        ) from error
    return written


def file_name(name: str) -> str:
    """The name with only characters that every file system allows."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
