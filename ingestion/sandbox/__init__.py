"""A synthetic patent feed: invented content in the tree, the formats and with the quirks of the national bulk feed.

It stands alone on purpose. It imports nothing of `ingestion` and shares no field map, pattern or constant with the
readers, so a mistake in a reader cannot hide behind the same mistake here. Everything is a pure function of the seed,
the scale and the place in the tree: a listing costs no document, a zip is made when somebody asks for it, and the same
question always gets the same bytes. The clock only decides how much of it is visible.
"""
