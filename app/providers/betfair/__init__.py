"""Betfair Exchange: a betting exchange, asked over HTTP and listened to over its stream.

Words: an *event* of theirs is a match of ours, a *market catalogue* says what a market is about and
does not change, a *market book* says what is offered now, a *runner* is one answer to a market.

Read `payloads` (their JSON), `lines` (which runner is which answer), `normalize` (catalogue and
books to observations) and `order_book` (the stream's deltas to a book), all pure; then `session`
(who we are there), `faults` (why they refuse), `catalogue` (what is remembered of their markets),
`client` (asking); then `subscription` (what a stream told), `stream_line` (its connection) and
`exchange_stream` (listening).

Invariants: a password, token or application key is in no log, error or archive. A price is told
only with the status of its market. What is not certain (which side a runner is, which line) is
rejected, never guessed. A line that broke is resumed with the criteria it began with, or begins
with a whole image.
"""
