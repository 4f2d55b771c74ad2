"""The calendar world."""
