"""Adapters of the Inspector port: what a video consists of, read by a process of its own."""
