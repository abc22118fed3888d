"""The feeds that the sandbox serves: one line a source."""

from __future__ import annotations

from ingestion.sandbox.feeds import Feed
from ingestion.sandbox.legal_feed import LegalStatusFeed
from ingestion.sandbox.patent_feed import PatentFeed
from ingestion.sandbox.reference_feed import ReferenceFeed
from ingestion.sandbox.trademark_feed import TrademarkFeed

FEEDS: tuple[type[Feed], ...] = (PatentFeed, LegalStatusFeed, TrademarkFeed, ReferenceFeed)
