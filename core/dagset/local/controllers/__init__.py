"""The controllers of the local cluster: pure functions from what is there to what should change."""
