"""Long work outside the page's process: begun, watched, paused and ended from anywhere on this machine."""
