"""SCIM 2.0 (RFC 7643, 7644): an identity provider makes, changes and ends accounts and groups.

What is asked is parsed once, by the schemas in `schemas.py`: filters, paths and PATCH are pure
functions over plain JSON. What it means for accounts is `auth`'s to say; nothing here decides who
may do what.
"""
