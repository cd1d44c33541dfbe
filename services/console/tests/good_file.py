"""A small file that is read, and the declaration of its stream."""

from __future__ import annotations

GOOD = "a,b,y\n1,2,yes\n3,4,no\n"
STREAM = """
[stream]
name = "things"
task = "binary"
[label]
name = "y"
classes = ["no", "yes"]
[fields]
a = { type = "number" }
b = { type = "number" }
"""
