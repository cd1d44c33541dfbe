"""The sampler: which traces are recorded."""

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

_ALWAYS_KEY = create_key("penstock-always-sampled")


def always_sampled_context() -> Context:
    """A context without a parent, in which a new span starts a trace that is recorded whatever the ratio."""
    return set_value(_ALWAYS_KEY, True, Context())


def build_sampler(ratio: float) -> Sampler:
    """A sampler that follows the parent's decision; without a parent it records this share of traces (0 to 1)."""
    return ParentBased(_RootSampler(ratio))


class _RootSampler(TraceIdRatioBased):
    """Records a share of traces, and every trace that starts in a context made by `always_sampled_context`."""

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
        if get_value(_ALWAYS_KEY, parent_context):
            return ALWAYS_ON.should_sample(parent_context, trace_id, name, kind, attributes, links)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
