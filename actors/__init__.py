"""The workers: they take up an order, do what its log does not say is done, and record it."""
