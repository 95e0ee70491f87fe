"""Measures the service beside its peers, in the same minutes on the same machine.

A figure alone says more about the machine than about the code, so every figure is a ratio:
the service and a peer by turns, several rounds, the median of each. Nothing here judges a
time; it fails on a wrong answer alone.
"""
