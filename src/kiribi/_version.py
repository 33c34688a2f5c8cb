"""The version, read by the build and by `kiribi version`."""

__version__ = "0.1.0"
