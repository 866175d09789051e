"""Definitions: jobs, queues and what they need as one document, out of the database and back.

A document is plain data (objects, lists, texts, numbers) in a fixed order, without what is default, without history and
without secrets. How it is written down, as YAML, is an adapter's.
"""
