"""The stand-in model's prose: what it knows, how it reads a brief, and how it writes a section."""
