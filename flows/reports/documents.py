"""A document on the disk: a page for people and the same as JSON for programs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from flows.reports.dossier import canonical
from pipelines.errors import LookbackError


@dataclass(frozen=True)
class Written:
    """Where the two files are, and what the JSON holds."""

    page: Path
    data: Path
    document: dict[str, object]


def write_both(folder: Path, name: str, page: str, document: dict[str, object]) -> Written:
    """Write `name`.md and `name`.json into the folder, whole or not at all, for the owner only.

    Raises LookbackError where it cannot be written to.
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
    """The name as it may stand in any folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def how_to_check(name: str) -> str:
    """What somebody who has the JSON, and nothing of ours, does to see that its hash is right."""
    return (
        "This page is made from the JSON file beside it, and the hash is over that file without "
        "the one line that holds it. To check it, with tools that every Unix has:\n\n"
        f"```sh\ngrep -v '^  \"sha256\": ' {file_name(name)}.json | sha256sum\n```\n\n"
        "It must print that hash, and the JSON must name it as its `sha256`."
    )


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
