"""The baseline of a new stream, which the registry packs, stores and signs itself."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.artifacts import ArtifactError, Signer, Store
from penstock.contracts.declaration.answer_costs import cost_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelVersion, subject_of
from penstock.ml.features.frame import Frame, times
from penstock.ml.models.baseline import BASELINE, baseline
from penstock.ml.models.decision_costs import DecisionCosts
from penstock.ml.package.model_package import pack
from penstock.registry.command_results import CommandRefused
from penstock.registry.promotion import BASELINE_VERSION
from penstock.registry.signature_check import StoreUnavailable

PREDICATE = "https://penstock.dev/predicates/baseline/v1"


@dataclass(frozen=True)
class BaselinePublisher:
    """Makes baselines, puts them in the artifact store and signs them. Every call blocks."""

    store: Store
    signer: Signer

    def publish(self, declaration: Declaration) -> ModelVersion:
        """The baseline of a stream as its version 0, stored and signed.

        Raises:
            CommandRefused: the declared prior does not fit the classes, or there is no class to answer.
            StoreUnavailable: the artifact store cannot be written.
        """
        package = baseline_package(declaration)
        try:
            digest = self.store.put(package)
        except ArtifactError as error:
            raise StoreUnavailable(str(error)) from error
        statement = {"stream": declaration.name, "version": BASELINE_VERSION, "family": BASELINE}
        return ModelVersion(
            name=declaration.name,
            version=BASELINE_VERSION,
            family=BASELINE,
            digest=digest,
            envelope=dict(self.signer.sign(subject_of(declaration.name, None), digest, PREDICATE, statement)),
            schema_version=1,
        )


def baseline_package(declaration: Declaration) -> bytes:
    """The package of a model that answers the declared prior to every event.

    Raises:
        CommandRefused: the prior does not fit the classes, or there is no class to answer.
    """
    prior, classes = declaration.label.prior, declaration.label.classes
    if isinstance(prior, dict) and declaration.label.new_classes == "accept":
        classes = (*classes, *(name for name in prior if name not in classes))
    try:
        model = baseline(declaration.task, classes, prior, (), _costs(declaration))
    except ValueError as error:
        field = "label.prior" if classes or declaration.task == "regression" else "label.classes"
        raise CommandRefused("invalid", "bad_declaration", f"{field}: {error}", field) from error
    return pack(model, Frame({}, times([])))


def _costs(declaration: Declaration) -> DecisionCosts | None:
    objective = declaration.objective
    if objective is None or objective.costs is None:
        return None
    return cost_table(objective.costs, declaration.label.classes)
