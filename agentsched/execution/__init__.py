"""Carrying out an approved plan: every attempt at most once, killable, retried by rule."""
