"""The server under the application: gunicorn with a worker, bodies and answers of our own.

`run.serve` is the way in. What a client may cost is in `limits`; how a connection moves
between the loop and the threads is in `worker`.
"""
