"""`python -m cli` is the `steadyline` command."""

from cli.main import main

main()
