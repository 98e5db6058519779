"""What adapters and users test with: stories, a cluster in memory, and one that loses requests."""
