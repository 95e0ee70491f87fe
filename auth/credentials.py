"""What a caller proves himself with, as it came in: texts, kept out of every `repr`."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ApiKeySecret:
    """The text of an API key, whether well-formed or not."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmailPassword:
    """An e-mail address and a password. The address is personal, so it is hidden too."""

    email: str = field(repr=False)
    password: str = field(repr=False)


Credentials: TypeAlias = ApiKeySecret | EmailPassword
