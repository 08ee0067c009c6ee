"""The auditor's bundle: what it is made of, and the verifier that travels in it."""
