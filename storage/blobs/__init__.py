"""Blobs: the bytes of artifacts under opaque keys, on a folder, on S3, or in memory."""

from storage.blobs.interface import (
    BlobCorrupt,
    BlobEntry,
    BlobError,
    BlobMissing,
    BlobPage,
    Blobs,
    BlobsFull,
    BlobsUnavailable,
    Download,
    Upload,
    UploadBusy,
    UploadMemorySpent,
    UploadPage,
    UploadTooLarge,
    Writer,
)
from storage.blobs.keys import ERASED, SEALS, is_reserved
from storage.blobs.observed import Observed, Observer
from storage.blobs.opening import open_blobs

__all__ = [
    "ERASED",
    "SEALS",
    "BlobCorrupt",
    "BlobEntry",
    "BlobError",
    "BlobMissing",
    "BlobPage",
    "Blobs",
    "BlobsFull",
    "BlobsUnavailable",
    "Download",
    "Observed",
    "Observer",
    "Upload",
    "UploadBusy",
    "UploadMemorySpent",
    "UploadPage",
    "UploadTooLarge",
    "Writer",
    "is_reserved",
    "open_blobs",
]
