"""The client of Penstock: send, label, predict and steer over HTTP, from anywhere.

>>> from penstock.client import Penstock
>>> Penstock("http://127.0.0.1:8030").stream("loans")
Stream('loans')
"""

from penstock.client.deployment import AsyncPenstock
from penstock.client.errors import PenstockError, Refused, Unavailable
from penstock.client.predictions import Prediction, Predictions
from penstock.client.receipts import Receipt, Refusal
from penstock.client.records import Record, Records
from penstock.client.stream import AsyncStream
from penstock.client.synchronous import Penstock, Stream

__all__ = [
    "AsyncPenstock",
    "AsyncStream",
    "Penstock",
    "PenstockError",
    "Prediction",
    "Predictions",
    "Receipt",
    "Record",
    "Records",
    "Refusal",
    "Refused",
    "Stream",
    "Unavailable",
]
