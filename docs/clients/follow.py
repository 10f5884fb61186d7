"""Follows the score of one match: `python follow.py ws://127.0.0.1:8000/live/18`."""

import json, sys, time, websockets.sync.client

url, since = f"{sys.argv[1]}?kinds=score&since=", ""
while True:
    try:
        for frame in map(json.loads, websockets.sync.client.connect(url + since)):
            since = frame.get("resume", since)  # Where to go on after a cut.
            print(frame["type"], json.dumps(frame.get("data")), flush=True)
            frame["type"] != "error" or sys.exit(frame["message"])
    except (OSError, websockets.WebSocketException):
        time.sleep(1)
