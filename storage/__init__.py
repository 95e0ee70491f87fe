"""Where Strongroom keeps things: bytes in blobs, truth in metadata, history in events.

Nothing here knows HTTP, and nothing above here knows AWS. `blobs` and `metadata` do not
know each other; `keys` draws every record key of the service as one tree.
"""
