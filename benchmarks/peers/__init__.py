"""The same messages by what a user would write with other libraries, each in a process and environment of its own."""
