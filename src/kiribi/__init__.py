"""Kiribi: a job system with a memory."""
