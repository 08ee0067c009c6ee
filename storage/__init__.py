"""Everything that outlives a process: the log, the outbox, the leases, the vault, the blobs, the broker."""
