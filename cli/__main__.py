"""``python -m cli`` is ``entourage``."""

from cli.main import main

main()
