"""A worker that writes down every word, those that only repeat themselves too.

A worker writes a repeated word once in five seconds, and knows the newest one by heart. A story
that works out again what was believed needs all of them. What is believed is the same.

And it calls a provider silent, or behind, sooner: the story's world runs sixty times as fast as
ours, and what happens then is the same.
"""

from datetime import timedelta

from app.health import state
from app.ingest import scores, ticks
from app.settings import load
from workers.main import run

if __name__ == "__main__":
    scores.CONFIRM_EVERY = ticks.CONFIRM_EVERY = timedelta(0)
    state.DOWN_AFTER = state.BEHIND_AFTER = timedelta(seconds=8)
    run(load())
