"""nurture: email and SMS campaigns for a clinic, well timed, consented, sent once."""
