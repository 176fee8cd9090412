"""Work beside the caller: child processes, threads, interrupts."""
