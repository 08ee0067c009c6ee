"""The ways in: payments, programs and people."""
