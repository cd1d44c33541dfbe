"""What is asked of a declaration that is read from a file or applied.

Declarations on the log are not asked: those of earlier releases stay readable.
"""

from __future__ import annotations

from itertools import chain

from penstock.contracts.declaration.size_limits import size_violations
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.value_grammar import grammar_violations
from penstock.contracts.declaration.violation import Violation


def first_violation(declaration: Declaration) -> Violation | None:
    """The first thing that is wrong with a declaration, None when there is none."""
    return next(chain(size_violations(declaration), grammar_violations(declaration)), None)
