"""Errors of time phrases.

UserError                 2
└── TimePhraseError       2  no time in it, a time that does not exist, an impossible date
"""

from __future__ import annotations

from agentsched.errors import UserError


class TimePhraseError(UserError):
    """A phrase cannot become a time; the message has the phrase, the rule and the way out."""

    def __init__(self, message: str, said: str = "") -> None:
        """Keep the phrase as it was said, where the message is about one of a text."""
        super().__init__(message)
        self.said = said
