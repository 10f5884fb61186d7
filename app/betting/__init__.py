"""Bets."""
