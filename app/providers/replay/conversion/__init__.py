"""From the source files to the recordings that come along; one file a source format.

Run it again with `python -m app.providers.replay.conversion SOURCE_DIR [OUT_DIR]`. The same
source files give the same bytes. What a source does not say is made up by a hash of the match's
name and said in the header's `simulated`. A match whose facts contradict each other stops it.

Read `teller`, then the sport you care for. Nothing here is used while the program runs.
"""
