"""Every error that Martín raises on purpose, as one tree.

MartinError
├── ConfigError           settings that cannot be used; carries every problem found
├── DataFolderLocked      another process serves this data folder
├── StoreError            the database could not do what was asked
│   ├── StoreBusy         locked by someone else for longer than `busy_timeout`
│   ├── StoreFull         no space left, or read-only
│   ├── StoreConflict     a constraint was broken; the unit of work was rolled back
│   ├── StoreDamaged      the file fails its own checks
│   ├── StoreTooNew       written by a newer version of Martín
│   └── StoreClosed       used after it was closed
├── CertificateError      no certificate could be made; the message is worded for the operator
├── BackupError           a backup or restore was refused; nothing was changed
├── ModelError            a model gave no usable answer
│   ├── ModelUnreachable  refused, reset, no such host
│   ├── ModelTimedOut     a deadline passed
│   ├── ModelBusy         429 or 503; carries `retry_after_s`
│   ├── ModelRejected     the backend will not do this (401, 404, 422, …)
│   │   ├── RequestRejected  not this request (400, 413, 422); others it may take
│   │   ├── ModelMissing  it has no such model
│   │   ├── ModelNotNamed it would take words out of the private network
│   │   ├── ModelTooNew   the model needs a newer version of it
│   │   └── ModelNoSpace  its disk is full
│   └── ModelBroken       empty, cut off, or not what the protocol says
├── RecallError           what is remembered cannot be searched; a turn goes on without it
│   ├── EmbedderError     no vectors could be made
│   └── IndexUnavailable  the index is down, slow or being rebuilt
├── ImportRefused         a file to import cannot be read at all; the message says what was expected
├── TrainingError         a night could not make its files; what was there stays
│   ├── TrainingBusy      another night is under way in this folder
│   ├── TrainingRefused   the files break the rules of those who read them
│   ├── ManifestError     a folder's manifest is missing, damaged or of another version
│   └── ParquetMissing    what writes Parquet is not installed
├── TemplateRefused       a template could not be written; nothing was changed
├── DeliveryError         a platform did not take a message; it is tried again
│   ├── DeliveryPaused    not before `retry_after_s`
│   ├── DeliveryRefused   not this message; others it may take
│   └── ChatClosed        blocked, left, or gone; not tried again until the person writes
├── IntakeError           a message could not be taken
├── ChannelRefused        a platform will not have this bot as it is set up; the message tells the operator what to do
└── UnknownPerson         no such person in the store
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class MartinError(Exception):
    """The root of every error raised on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the configuration: where, why, what would be accepted. Never holds a secret's value."""

    path: str
    reason: str
    accepted: str = ""
    nearest: str = ""


class ConfigError(MartinError):
    """The configuration cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{len(self.problems)} configuration problem(s): " + "; ".join(p.path for p in self.problems))


class DataFolderLocked(MartinError):
    """Another process serves this data folder; `holder` says which (pid and address, when known)."""

    def __init__(self, folder: str, holder: str) -> None:
        self.folder, self.holder = folder, holder
        super().__init__(f"the data folder {folder!r} is served by {holder}; stop it first, or use another MARTIN_DATA_DIR")


class StoreError(MartinError):
    """The database could not do what was asked."""


class StoreBusy(StoreError):
    """The database stayed locked for longer than `busy_timeout`."""


class StoreFull(StoreError):
    """No space is left for the database, or it cannot be written."""


class StoreConflict(StoreError):
    """A constraint was broken; the unit of work was rolled back."""


class StoreDamaged(StoreError):
    """The database fails its own checks."""


class StoreTooNew(StoreError):
    """The database was written by a newer version of Martín."""


class StoreClosed(StoreError):
    """The store was used after it was closed."""


class CertificateError(MartinError):
    """No certificate could be made for the page. The message is in the operator's language."""


class BackupError(MartinError):
    """A backup or a restore was refused; nothing was changed."""


class ModelError(MartinError):
    """A model gave no usable answer. `model` is its name; `cost` what it took all the same (see `Generation`)."""

    cost = 0

    def __init__(self, model: str, detail: str) -> None:
        self.model, self.detail = model, detail
        super().__init__(f"{model}: {detail}")


class ModelUnreachable(ModelError):
    """The backend could not be reached."""


class ModelTimedOut(ModelError):
    """A deadline passed before the model answered."""


class ModelBusy(ModelError):
    """The backend asks to wait `retry_after_s` seconds (None when it does not say)."""

    def __init__(self, model: str, detail: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(model, detail)


class ModelRejected(ModelError):
    """The backend refuses this request whatever the number of tries."""


class RequestRejected(ModelRejected):
    """The backend will not take this one request (too long, malformed); it says nothing of others."""


class ModelMissing(ModelRejected):
    """The backend, or the library that it downloads from, has no such model."""


class ModelTooNew(ModelRejected):
    """The model needs a newer version of the backend."""


class ModelNoSpace(ModelRejected):
    """There is no space left where the backend keeps its models."""


class ModelNotNamed(ModelRejected):
    """It would take words out of the private network, and nobody named it for that."""


class ModelBroken(ModelError):
    """The answer was empty, cut off, or not what the protocol says."""


class RecallError(MartinError):
    """What is remembered cannot be searched; a turn goes on without it."""


class EmbedderError(RecallError):
    """No vectors could be made. The message is in our own words and may be logged."""


class EmbedderChanged(EmbedderError):
    """There is another model now behind an embedder's name: one has to be chosen anew."""


class IndexUnavailable(RecallError):
    """The index is down, slow or being rebuilt; the vectors in SQL are searched meanwhile."""


class ImportRefused(MartinError):
    """A file to import cannot be read at all; the message says what was expected."""


class TrainingError(MartinError):
    """A night could not make its files; what was there stays."""


class TrainingBusy(TrainingError):
    """Another night is under way in this folder."""


class TrainingRefused(TrainingError):
    """The files break the rules of those who read them; they were not published."""


class ManifestError(TrainingError):
    """The manifest cannot be used; the message says what was found and what to do."""


class ParquetMissing(TrainingError):
    """`pyarrow` is not installed; the message says how to get it."""


class TemplateRefused(MartinError):
    """A template could not be written; nothing was changed. The message is worded for whoever asked for it."""


class DeliveryError(MartinError):
    """A platform did not take a message; delivery tries again later."""


class DeliveryPaused(DeliveryError):
    """The platform asks to wait `retry_after_s` seconds."""

    def __init__(self, detail: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail)


class DeliveryRefused(DeliveryError):
    """The platform will not take this very message (too large, malformed); after a few tries it is given up."""


class ChatClosed(DeliveryError):
    """The chat is blocked, left or gone."""


class IntakeError(MartinError):
    """A message could not be taken; the platform keeps it and sends it again."""


class ChannelRefused(MartinError):
    """A platform will not have this bot as it is set up (a wrong token, a missing right): its channel ends, the others go on.

    The message is one sentence for the operator, without any secret.
    """


class UnknownPerson(MartinError):
    """No such person is in the store."""
