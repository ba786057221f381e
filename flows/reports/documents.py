"""Write a document as Markdown, as HTML and as JSON."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from flows.reports import html
from flows.reports.dossier import canonical
from pipelines.errors import LookbackError


@dataclass(frozen=True)
class Written:
    """The paths of the three files, and the content of the JSON."""

    page: Path
    html: Path
    data: Path
    document: dict[str, object]


def write_all(folder: Path, name: str, page: str, document: dict[str, object]) -> Written:
    """Write `name`.md, `name`.html and `name`.json into the folder. Raises LookbackError."""
    safe = file_name(name)
    body = html.from_markdown(page)
    return Written(
        write(folder / f"{safe}.md", page),
        write(folder / f"{safe}.html", html.render("document.html", title=name, body=body)),
        write(folder / f"{safe}.json", canonical(document)),
        document,
    )


def file_name(name: str) -> str:
    """The name with only characters that every file system allows."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def write(path: Path, text: str) -> Path:
    """Write a file atomically, readable by the owner only.

    Raises LookbackError if the folder is not writable.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        raise LookbackError(
            f"cannot write to {path.parent}: {error.strerror}",
            remedy="name another folder with --to",
        ) from error
    return path
