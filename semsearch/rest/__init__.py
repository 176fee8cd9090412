"""The REST door: handlers, what may come in, bodies, their description."""
