"""Backups: one file with everything in it, for either database.

A zip archive: ``manifest.json`` says what is in it; ``tables/NAME.jsonl`` has a row of the table in each line, as a
JSON list of the columns that the manifest names; ``secret.key``; ``results/...`` where they were wanted. Moments are
texts in UTC, truth values 0 and 1, JSON columns the text of their JSON, so that a backup of SQLite goes into PostgreSQL
and back.
"""
