"""Follows the score of one match: `python follow.py ws://127.0.0.1:8000/live/18`."""

import json
import sys
import time

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

url, since, score = sys.argv[1], "", {}
while True:
    try:
        with connect(f"{url}?kinds=score&since={since}") as socket:
            for frame in map(json.loads, socket):
                if frame["type"] == "error":
                    sys.exit(frame["message"])
                if frame["type"] in ("snapshot", "score_update", "score_correction"):
                    score |= frame["data"].get("score", frame["data"])
                    print(score["status"], score["homeScore"], score["awayScore"], flush=True)
                since = frame["resume"]  # Where to go on after a cut.
    except (OSError, WebSocketException):
        time.sleep(1)
