"""Programs that travel with a node and run in its pods, whose images need python3 and nothing of ours."""
