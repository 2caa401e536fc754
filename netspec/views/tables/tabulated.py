"""What is a table, and can be had in each language that tables are written in."""

from __future__ import annotations

import sys

from ...diagnostics import UsageError
from ...plain import shown
from ...terminal import columns
from .formats import comma_separated, html, latex, markdown, page
from .table import Table


class Tabulated:
    """Printed, it is its table, as wide as the terminal; a notebook shows it by itself."""

    @property
    def table(self) -> Table:
        raise NotImplementedError

    def __str__(self) -> str:
        return self.to_text(columns(sys.stdout))

    def to_text(self, width: int | None = None) -> str:
        """The table for a page of so many columns; without a number, all of it."""
        if width is not None and (not isinstance(width, int) or isinstance(width, bool) or width < 1):
            raise UsageError(f"a table is as wide as a whole number of columns, 1 at least, not {shown(repr(width))}",
                             hint=".to_text(80)")
        return self.table.text(width)

    def to_markdown(self) -> str:
        """A table of GitHub's Markdown."""
        return markdown(self.table)

    def to_latex(self) -> str:
        """A `tabular` with the rules of booktabs."""
        return latex(self.table)

    def to_csv(self) -> str:
        """Comma-separated values: a record for each line, numbers as they are; of a summary one for each step, and with a depth
        for each closed block, too."""
        return comma_separated(self.table)

    def to_html(self) -> str:
        """A page of its own."""
        return page(self.table)

    def _repr_html_(self) -> str:
        return html(self.table)
