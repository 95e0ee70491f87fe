"""Prometheus metrics that stay right under several workers, some of them killed.

Each process counts in a file of its own, which it has mapped into memory: a count is a store
into memory, and is there for whoever reads, whatever becomes of the process. A process is
alive as long as it holds the lock on its file; what the dead have counted is folded into one
file, so that counters never go back, and their gauges are dropped.
"""

from middleware.metrics.catalogue import Family
from middleware.metrics.folding import render
from middleware.metrics.recording import Metrics

__all__ = ["Family", "Metrics", "render"]
