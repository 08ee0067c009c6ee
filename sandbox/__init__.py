"""The stand-in world: everything that lets anyone run the whole system without accounts or Docker."""
