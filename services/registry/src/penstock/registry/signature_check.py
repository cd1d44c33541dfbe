"""Models the registry vouches for: it makes and signs baselines, and checks what trainers hand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from penstock.artifacts import ArtifactError, BadSignature, Signer, Store, Verifier
from penstock.bus.errors import TransientError
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelVersion, subject_of
from penstock.contracts.records.training import TrainingRun
from penstock.ml.features.frame import Frame, times
from penstock.ml.models.baseline import BASELINE, baseline
from penstock.ml.package.model_package import pack
from penstock.registry.command_results import CommandRefused

PREDICATE = "https://penstock.dev/predicates/baseline/v1"


class StoreUnavailable(TransientError):
    """The artifact store cannot be reached."""


@dataclass(frozen=True)
class Trust:
    """The artifact store, the key the registry signs with and the keys it believes. Every call blocks."""

    store: Store
    signer: Signer
    verifier: Verifier

    def baseline(self, declaration: Declaration) -> ModelVersion:
        """Version 0 of a stream, stored and signed.

        Raises:
            CommandRefused: the declaration says too little to answer anything.
            StoreUnavailable: the artifact store cannot be written.
        """
        package = baseline_package(declaration)
        try:
            digest = self.store.put(package)
        except ArtifactError as error:
            raise StoreUnavailable(str(error)) from error
        said = {"stream": declaration.name, "version": 0, "family": BASELINE}
        return ModelVersion(
            name=declaration.name,
            version=0,
            family=BASELINE,
            digest=digest,
            envelope=dict(self.signer.sign(subject_of(declaration.name, None), digest, PREDICATE, said)),
            schema_version=1,
        )

    def complaint(self, run: TrainingRun) -> str | None:
        """Why a finished run's model cannot be taken in, None when nothing speaks against it.

        Raises:
            StoreUnavailable: whether the model is there cannot be told now.
        """
        if run.candidate is None or run.evaluation is None or run.dataset is None:
            return "it lacks candidate, evaluation or dataset"
        claimed = {"evaluation": run.evaluation.model_dump(mode="json")}
        return self.distrust(run.stream, run.request, run.candidate.digest, run.candidate.envelope, claimed)

    def distrust(
        self,
        stream: str,
        run: str | None,
        digest: str,
        envelope: object,
        claimed: Mapping[str, object] = MappingProxyType({}),
    ) -> str | None:
        """Why a model must not serve: no trusted signature for this stream and run, or not in the store.

        What is `claimed` of the model must be what its signer said, where the signer said anything.
        """
        try:
            statement = self.verifier.expect(envelope, subject_of(stream, run), digest)
            for name, value in claimed.items():
                if statement.predicate.get(name, value) != value:
                    return f"its signer stated another {name}"
            return None if self.store.has(digest) else f"the store does not hold {digest}"
        except BadSignature as error:
            return str(error)
        except ArtifactError as error:
            raise StoreUnavailable(str(error)) from error


def baseline_package(declaration: Declaration) -> bytes:
    """The model that answers the declared prior and looks at no field, as a package.

    Raises:
        CommandRefused: the prior does not fit the classes, or there is no class to answer.
    """
    prior, classes = declaration.label.prior, declaration.label.classes
    if isinstance(prior, dict) and declaration.label.new_classes == "accept":
        classes = (*classes, *(name for name in prior if name not in classes))
    try:
        model = baseline(declaration.task, classes, prior, ())
    except ValueError as error:
        field = "label.prior" if classes or declaration.task == "regression" else "label.classes"
        raise CommandRefused("invalid", "bad_declaration", f"{field}: {error}", field) from error
    return pack(model, Frame({}, times([])))
