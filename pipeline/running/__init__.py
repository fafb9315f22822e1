"""Bringing items up to date: plan, perform, account."""
