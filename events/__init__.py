"""What can happen to an order, and what follows from it: pure, without clock, file, socket or chance."""
