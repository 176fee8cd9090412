"""Why a match is one: asked on Search and Live search, answered by the network that made it."""
