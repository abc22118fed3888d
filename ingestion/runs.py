"""What a run does: pull, land, load, status, check. The DAGs and the command line call these and nothing else.

Every function writes its own rows of `ops.outcomes`.
"""

from ingestion.loading import LoadResult, load
from ingestion.pulling import LandRefused, ListedFile, PullResult, land, listing, pull
from ingestion.results import SHANGHAI, Progress
from ingestion.standing import Finding, SourceStatus, check, latest_rejects, status

__all__ = [
    "SHANGHAI",
    "Finding",
    "LandRefused",
    "ListedFile",
    "LoadResult",
    "Progress",
    "PullResult",
    "SourceStatus",
    "check",
    "land",
    "latest_rejects",
    "listing",
    "load",
    "pull",
    "status",
]
