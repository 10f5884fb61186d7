"""The sockets: one session, told apart only by the shapes of its frames.

A socket lives like this: accept, who is it, which match, subscribe, first state (a snapshot, or
what was missed since `since`), then every change, heartbeats while there is none, and a close with
a code of the catalogue. Read `close_codes`, `frames`, `snapshots`, `session`, `live`.

- Accept comes first, always: a browser is told no close code of a socket that was never open.
- The hub never waits for a socket. Frames wait in the subscription's bounded queue; full, the
  reader gets a fresh snapshot ("slow_consumer"); stuck in one frame for too long, it is closed.
- One `Pulse` a process sends the heartbeats and finds who is stuck: no timers a socket.
- A server that goes away says so to everyone (1001) before it closes the door.
"""
