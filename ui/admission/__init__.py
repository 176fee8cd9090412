"""Who is let in, and how many at once: connections, requests, sessions and runs of pages."""
