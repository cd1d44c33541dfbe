"""Builds the archiver from its settings."""

from __future__ import annotations

from penstock.archiver.archive_follower import ArchiveFollower
from penstock.archiver.archived_partition import FileRules
from penstock.archiver.settings import ArchiverSettings
from penstock.artifacts import ArtifactError, open_named_files
from penstock.artifacts.named_files import NamedFiles
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError


def build(settings: ArchiverSettings, resources: Resources) -> Service:
    """The archiver of the store that the settings name.

    Raises:
        SettingsError: the store cannot be used.
    """
    try:
        store = open_named_files(settings.artifacts)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ARTIFACTS: {error}") from error
    rules = FileRules(settings.rows, int(settings.seconds * 1000), settings.retention_days)
    return service_of(store, rules, resources)


def service_of(store: NamedFiles, rules: FileRules, resources: Resources) -> Service:
    """The archiver: a member of its group, which is stepped as followers are, since it handles no batches."""
    return Service(followers=[ArchiveFollower(resources, store, rules)])
