"""Which traces are recorded: a share of all, and those that must be."""

from collections.abc import Sequence

from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

_ALWAYS = create_key("penstock-always-sampled")


def always_sampled() -> Context:
    """A context without a parent in which the next span starts a trace that is recorded."""
    return set_value(_ALWAYS, True, Context())


def sampler(ratio: float) -> Sampler:
    """Follows the parent's decision; without a parent records this share of the traces (0 to 1)."""
    return ParentBased(_Root(ratio))


class _Root(TraceIdRatioBased):
    """The share, except in a context made by `always_sampled`."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if get_value(_ALWAYS, parent_context):
            return ALWAYS_ON.should_sample(parent_context, trace_id, name, kind, attributes, links)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
