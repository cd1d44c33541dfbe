"""Whether a model may be used: a trusted key signed it for its stream and run, and the store holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from penstock.artifacts import ArtifactError, BadSignature, Store, Verifier
from penstock.bus.errors import TransientError
from penstock.contracts.records.models import ModelVersion, subject_of
from penstock.contracts.records.training import TrainingRun


class StoreUnavailable(TransientError):
    """The artifact store cannot be reached."""


@dataclass(frozen=True)
class SignatureCheck:
    """Checks models against the artifact store and the trusted keys. Every call blocks."""

    store: Store
    verifier: Verifier

    def refusal_of_run(self, run: TrainingRun) -> str | None:
        """Why the model of a finished run is refused, None when it is not.

        The evaluation of the run must be the one that was signed with the model, if one was.

        Raises:
            StoreUnavailable: the store cannot say now whether it holds the model.
        """
        if run.candidate is None or run.evaluation is None or run.dataset is None:
            return "it lacks candidate, evaluation or dataset"
        claims = {"evaluation": run.evaluation.model_dump(mode="json")}
        subject = subject_of(run.stream, run.request)
        return self._refusal(subject, run.candidate.digest, run.candidate.envelope, claims)

    def refusal_of_model(self, model: ModelVersion) -> str | None:
        """Why a registered model must not serve, None when it may.

        Raises:
            StoreUnavailable: the store cannot say now whether it holds the model.
        """
        return self._refusal(subject_of(model.name, model.run), model.digest, model.envelope)

    def refusal_of_artifact(self, digest: str) -> str | None:
        """Why an artifact that nobody signed cannot be judged, None when the store holds it.

        Raises:
            StoreUnavailable: the store cannot say now whether it holds it.
        """
        try:
            return None if self.store.has(digest) else f"the store does not hold {digest}"
        except ArtifactError as error:
            raise StoreUnavailable(str(error)) from error

    def _refusal(
        self, subject: str, digest: str, envelope: object, claims: Mapping[str, object] = MappingProxyType({})
    ) -> str | None:
        try:
            statement = self.verifier.expect(envelope, subject, digest)
            for name, value in claims.items():
                if statement.predicate.get(name, value) != value:
                    return f"its signer stated another {name}"
        except BadSignature as error:
            return str(error)
        return self.refusal_of_artifact(digest)
