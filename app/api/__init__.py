"""REST: one file a resource; a handler turns the wire into a call and the answer into the wire.

Read `requests` (ids, queries, cursors), `answers` (ETag, pages), `problems` (every error as a
problem document), `documents` (the shapes, for OpenAPI), then any resource.
"""
