"""Starts the command where it is not installed: ``python -m api.cli``."""

from api.cli import main

main()
