"""The front door: the `steadyline` command."""
