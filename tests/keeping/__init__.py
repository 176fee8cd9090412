"""Tests of what keeps datasets safe."""
