"""Make text of exchanges and files safe for a terminal of any encoding."""

from __future__ import annotations

import codecs
import sys
import unicodedata
from io import TextIOWrapper

STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that control a terminal, change text direction, or cannot be encoded."""

IN_ASCII = str.maketrans(
    {"–": "-", "—": "-", "…": "...", "·": "-", "≈": "~", "’": "'", "×": "x", "─": "-", "→": "->"}
)


def visible(text: str) -> str:
    """Replace each character that would control a terminal by `�`."""
    if text.isprintable():
        return text
    return "".join(
        "�" if sign != "\n" and unicodedata.category(sign) in STEERING else sign for sign in text
    )


def write_anywhere() -> None:
    """Let stdout and stderr accept any text, whatever the terminal's encoding."""
    codecs.register_error("lookback", _as_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="lookback")


def _as_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(IN_ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
