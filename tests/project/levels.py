"""The import levels of the package, as the architecture tells them too."""

LEVELS = (
    {"names"},
    {"errors"},
    {"settings", "server_log"},
    {"files"},
    {"processes"},
    {"images", "ranking"},
    {"net"},
    {"models", "data"},
    {"features", "indices", "own", "store"},
    {"results", "explain"},
    {"maps"},
    {"live"},
    {"jobs", "keeping"},
    {"rest", "terminal"},
    {"cli"},
    {"__main__"},
)
"""The packages of semsearch, and its modules outside them; each imports only what stands before its line."""
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names}
