"""A bug that no output shows, only time: a secret that is compared with ==. It is found in the source."""

from __future__ import annotations

import ast
import re

_SECRET = re.compile(r"(^|_)(mac|token|secret|password|api_key)$")


def compared_secrets(source: str) -> list[int]:
    """The lines of a module that compare something named as a secret with == or !=."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(_SECRET.search(_name(operand)) for operand in (node.left, *node.comparators))
    ]


def _name(operand: ast.expr) -> str:
    match operand:
        case ast.Name():
            return operand.id
        case ast.Attribute():
            return operand.attr
        case ast.Call():
            return _name(operand.func)
    return ""
