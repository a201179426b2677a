"""What is published and taken down, kept in the outbox and written into the graph as it is said."""
