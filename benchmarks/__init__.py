"""Cost and scale, as commands that print figures."""
