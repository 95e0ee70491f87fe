"""What a repository's format does not take."""


class Refused(Exception):
    """A file that is none of the repository's format, or not of the path that it was sent to.

    The message says what is wrong with which value, and what would be right.
    """
