"""What the index takes: from the outbox into a real server, which the tests' fixture fetches and starts."""
