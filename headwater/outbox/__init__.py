"""Messages waiting to leave: mail and webhooks, queued in the transaction that causes them, retried, never lost."""
