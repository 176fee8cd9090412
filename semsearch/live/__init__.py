"""Searches answered now: galleries, the search itself, and the service that many share."""
