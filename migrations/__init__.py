"""The schema, step by step: `versions` in order, each function of the database in `sql`.

A file in `sql` is never edited: a new version is a new file, installed by a new migration.
"""
