"""The view of a whole dataset: its leaderboard, one experiment in depth, two experiments side by side."""
