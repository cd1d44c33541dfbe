"""Episodes of refused champions: the alerts that begin and end them, as the log has them."""

from __future__ import annotations

from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert
from penstock.server.models.alerts import SOURCE


class Refusals:
    """Which streams' refused champion is not over, by the alerts of all processes of the server.

    `apply` takes each alert as it is read from the log, so that a start knows what was told before it; what is begun or
    ended here counts at once. Processes that know the same make the same records: an episode has one alert, one end.
    """

    def __init__(self) -> None:
        self._open: dict[str, Alert] = {}
        self._ended: dict[str, str] = {}  # the id of the newest end

    def apply(self, alert: Alert) -> None:
        """Take in an alert; those about other matters, or by other services, change nothing."""
        if alert.kind != AlertKind.MODEL_REFUSED or alert.source != SOURCE or alert.stream is None:
            return
        if alert.state == "firing":
            self._open[alert.stream] = alert
        else:
            self._open.pop(alert.stream, None)
            self._ended[alert.stream] = alert.id

    def begin(self, record: ModelEpoch, reason: str) -> Alert:
        """The alert that the champion of an epoch is refused: the same record as long as that goes on."""
        message = f"the model of epoch {record.epoch} is refused: {reason}"
        alert = _alert(record, self._id_of_begin(record), message, is_over=False)
        self.apply(alert)
        return alert

    def end(self, record: ModelEpoch) -> Alert | None:
        """The alert that the model of this epoch serves; None where no refusal is open, or that of a later epoch is."""
        refused = self._open.get(record.stream)
        if refused is None or refused.time > record.time:
            return None
        message = f"the model of epoch {record.epoch} serves, after one that was refused"
        alert = _alert(record, derived_id("serves-again", refused.id, record.epoch), message, is_over=True)
        self.apply(alert)
        return alert

    def _id_of_begin(self, record: ModelEpoch) -> str:
        refused, ended = self._open.get(record.stream), self._ended.get(record.stream)
        if refused is not None and refused.cause == record.id:
            return refused.id
        return derived_id("refused-model", record.stream, record.epoch, *([] if ended is None else [ended]))


def _alert(record: ModelEpoch, alert_id: str, message: str, *, is_over: bool) -> Alert:
    return Alert(
        source=SOURCE,
        id=alert_id,
        time=record.time,
        cause=record.id,
        severity="info" if is_over else "critical",
        subject="refused-model",
        message=message,
        stream=record.stream,
        kind=AlertKind.MODEL_REFUSED,
        key=alert_key(AlertKind.MODEL_REFUSED, record.stream),
        state="resolved" if is_over else "firing",
    )
