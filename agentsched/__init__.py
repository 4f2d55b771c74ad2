"""Evolve, gate, remember and replay scheduling policies."""

__version__ = "0.1.0"
