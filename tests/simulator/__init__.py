"""A FluxOS fleet in one process: the double that the demo and the tests of this collection run against.

It imports nothing of the collection. ``README.md`` in this folder says how to start it and what the journal holds.
"""
