"""The sockets: one session, told apart only by the shapes of its frames.

Words. A **line** is one connection, whatever carries it: uvicorn's stock class or any ASGI server
(`asgi_line`), a stream of events, or our own protocol class (`app.serving.shared_frames`). A
**dialect** is a protocol's shapes, a file without state. A **session** is the one state machine:
who asks, what it follows, how it ends. A **following** is one thing it follows. A **crowd** is
everybody who follows one match here, behind one reader of its log; its **groups** are the members
in step that take the same bytes; its **tail** is what the log ended with, kept once for those who
owe it to a reader. A frame is an `Outgoing`: made once a dialect and channel, framed once, deflated
once.

Read `line`, `outgoing`, `dialect`, `following`; then `session` (with `caller`, `inbox`, `errands`,
`pulse`), `crowd` (with `tail`, `member`, `shaping`, `snapshots`), `opening`, and the doors: `live`,
`events`, `ws`, `pusher`.

Invariants, each with a test:
- Accept comes first, always: a browser is told no close code of a socket that was never open.
- An idle socket has no task, no queue and no timer. One `Pulse` a process sends heartbeats, finds
  who is stuck and whose token ends; one task a crowd reads first states, while somebody waits.
- Telling a group is one call a member, of its line's own `write`. What is to be known of a member
  in step (its place, when it was told) is known of its group.
- A member is in one place only: in a group, aside (it may write, the crowd is not there yet), stuck
  (its line is full), wanting (a snapshot) or missing (entries of the log).
- Nothing is queued for a reader that does not read. It has a place; when its line drains it is paid
  from the tail or the log, conflated past `SOCKET_WAITING_BYTES_MAX`, or sent a snapshot. One that
  takes nothing for too long is closed.
- A line that gets full while it is written to leaves its group with that group's place, whatever
  else is told in the same round: no hole, no double.
- A server that goes away says so to everyone, and when to come back, before it closes the door.
"""
