"""Placement wishes in plain words, read by rules into typed hints."""

from agentsched.planning.hint_words.reading import HintReading, Span, read_hints, say_hint

__all__ = ["HintReading", "Span", "read_hints", "say_hint"]
