"""Studies of quality: one question, one command, one table and a verdict each."""
