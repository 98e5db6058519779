"""Measurements side by side with peers, in one run: `make bench` prints one table and writes results.json."""
