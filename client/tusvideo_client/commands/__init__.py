"""The commands of the command line, one module each, and what they share.

``arguments`` describes them all and is quick to load; the module of a command is loaded when that command runs.
"""
