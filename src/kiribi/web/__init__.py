"""The REST API and the dashboard, as one ASGI application."""

from kiribi.web.app import create_app

__all__ = ["create_app"]
