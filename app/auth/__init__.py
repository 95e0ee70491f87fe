"""Signing in, out and otherwise: `/auth`, for programs in JSON and for people as pages.

A page needs no script: its forms are sent as browsers send them. What sends a form gets a page
or is led to one, whatever happens; what sends JSON gets JSON.
"""
