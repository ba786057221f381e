"""Run sqruff on the dbt models: python -m tests.lint_sql

sqruff's own Jinja templater takes minutes, and needs replacements of dbt's macros. Here each Jinja
expression becomes an identifier, and blocks and comments become spaces: line numbers stay.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pipelines.home import PROJECT

FOLDERS = ("models", "tests")
CONFIG = r"\{\{\s*config\((?:[^{}]|\{\{[^{}]*\}\})*\)\s*\}\}"
UNREAD = re.compile(r"\{#.*?#\}|\{%.*?%\}|" + CONFIG, re.DOTALL)
WHOLE_QUERY = re.compile(r"(?<=\()(\s*)\{\{(?:(?!\}\}).)*\}\}(\s*)(?=\))", re.DOTALL)
CLAUSE = re.compile(r"^( *)\{\{(?:(?!\}\}).)*\}\}(?= *$)", re.DOTALL | re.MULTILINE)
EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def plain_sql(template: str) -> str:
    """The template as SQL that can be parsed, with the same number of lines."""
    sql = UNREAD.sub(lambda found: "\n" * found[0].count("\n"), template)
    sql = WHOLE_QUERY.sub(lambda found: found[1] + "select 1" + found[2], sql)
    sql = CLAUSE.sub(lambda found: "\n" * found[0].count("\n"), sql)
    return EXPRESSION.sub(lambda found: "jinja" + "\n" * found[0].count("\n"), sql)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for source in FOLDERS:
            for path in (PROJECT / "dbt_project" / source).rglob("*.sql"):
                sql = plain_sql(path.read_text(encoding="utf-8"))
                if sql.strip() and "{" not in sql.replace("{'", ""):
                    target = Path(folder) / path.relative_to(PROJECT)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(sql, encoding="utf-8")
        (Path(folder) / ".sqruff").write_text((PROJECT / ".sqruff").read_text(encoding="utf-8"))
        sqruff = Path(sys.executable).with_name("sqruff")
        return subprocess.run([sqruff, "lint", "--quiet", "."], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
