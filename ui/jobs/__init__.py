"""Long work on the pages: the invitation to begin it, and how far it is."""
