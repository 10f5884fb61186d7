"""Follows the score of one match: `python follow.py ws://127.0.0.1:8000/live/18`."""

import json, sys, time, websockets.sync.client

url, since = f"{sys.argv[1]}?kinds=score&since=", ""
while True:
    try:
        for frame in map(json.loads, websockets.sync.client.connect(url + since)):
            if frame["type"] == "error":
                sys.exit(frame["message"])
            since = frame.get("resume", since)  # Where to go on after a cut.
            if "homeScore" in (score := frame.get("data", {}).get("score", frame.get("data", {}))):
                print(score["status"], score["homeScore"], score["awayScore"], flush=True)
    except (OSError, websockets.WebSocketException):
        time.sleep(1)
