"""How fast it is: one subcommand for each part of the house, measured against others in the same run."""
