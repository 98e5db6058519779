"""The seam to the world: a protocol of a few verbs, and the one implementation that speaks to an API server."""
