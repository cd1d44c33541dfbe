"""The names of all span attributes and metrics.

Spans follow the OpenTelemetry semantic conventions 1.44 for messaging and HTTP; what has no convention
starts with `penstock.`. Metrics follow the Prometheus rules: base units, `_total` on counters.
"""

from typing import Final

# Messaging spans
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_DESTINATION: Final = "messaging.destination.name"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
KAFKA: Final = "kafka"
SEND: Final = "send"
RECEIVE: Final = "receive"
PROCESS: Final = "process"

# HTTP spans
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"

ERROR_TYPE: Final = "error.type"

# Our own span attributes
STREAM: Final = "penstock.stream"
EPOCH: Final = "penstock.epoch"
MODEL_VERSION: Final = "penstock.model.version"
EVENT_ID: Final = "penstock.event.id"
RECORD_ID: Final = "penstock.record.id"
CAUSE_ID: Final = "penstock.cause.id"
REJECTION: Final = "penstock.rejection.code"
RULE: Final = "penstock.trace.rule"
LINKS: Final = "penstock.trace.links"  # where an exporter has no links: trace and span ids

# The header that carries a trace, over HTTP and over Kafka
TRACEPARENT: Final = "traceparent"

# Metrics
RECORDS_CONSUMED: Final = "penstock_records_consumed_total"
RECORDS_PRODUCED: Final = "penstock_records_produced_total"
RECORDS_DEAD_LETTERED: Final = "penstock_records_dead_lettered_total"
RECORDS_REJECTED: Final = "penstock_records_rejected_total"
RECORDS_DUPLICATE: Final = "penstock_records_duplicate_total"
RECORDS_MISSING: Final = "penstock_records_missing_total"
CONSUMER_LAG: Final = "penstock_lag_records"
RETENTION_LEFT: Final = "penstock_retention_left_seconds"
FAILING_UNITS: Final = "penstock_failing_units"
FAILING: Final = "penstock_failing"
STATES_CORRUPT: Final = "penstock_states_corrupt_total"
CHECKPOINTS: Final = "penstock_checkpoints_total"
ANSWERS_UNCONFIRMED: Final = "penstock_answers_unconfirmed_total"
SERVING_EPOCH: Final = "penstock_epoch"
HANDLE_SECONDS: Final = "penstock_handle_seconds"
HTTP_REQUESTS: Final = "penstock_http_requests_total"
HTTP_SECONDS: Final = "penstock_http_request_duration_seconds"

# Metrics of streams
SCORE: Final = "penstock_score"
LOSS: Final = "penstock_loss"
SCORE_ESTIMATE: Final = "penstock_score_estimate"
COVERAGE: Final = "penstock_coverage_ratio"
OUTCOMES_TIME: Final = "penstock_outcomes_time_seconds"
OUTCOMES: Final = "penstock_outcomes_total"
LABELS_UNMET: Final = "penstock_labels_unmet_total"
REJECTIONS: Final = "penstock_rejections_total"
DRIFTS: Final = "penstock_drifts_total"
ALERTS: Final = "penstock_alerts_total"
EPOCHS: Final = "penstock_epochs_total"
TRAININGS: Final = "penstock_trainings_total"
TRAINING_CPU: Final = "penstock_training_cpu_seconds_total"
PREDICTIONS: Final = "penstock_predictions_total"
NOTIFICATIONS: Final = "penstock_notifications_total"
UNREAD: Final = "penstock_unread_records"

# Metrics of the process, beside those of the client library, which start with `process_`
READY: Final = "penstock_ready"
LOOP_LAG: Final = "penstock_event_loop_lag_seconds"
DISK_FREE: Final = "penstock_disk_free_bytes"
DISK_SIZE: Final = "penstock_disk_size_bytes"
STATE_SIZE: Final = "penstock_state_bytes"
