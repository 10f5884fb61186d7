"""From the source files to the results that come along; one file a sport.

Run it again with `python -m app.history.conversion SOURCE_DIR [OUT_DIR]`. The same source files
give the same bytes. Nothing is made up. Nothing here is used while the program runs.
"""
