"""Mail: what waits in the outbox (`auth.outbox`) is written and goes out.

`destinations` parses the settings, `transports` are the ways out, `message` holds the words,
`delivery` claims, sends and forgets, `duty` is what a worker runs.
"""
