"""Doorbells: how a runtime hears that something may be due."""
