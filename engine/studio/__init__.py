"""Before anything is sent: what a campaign would do, seen without doing it."""
