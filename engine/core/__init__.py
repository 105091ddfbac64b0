"""The rules: pure functions of their arguments, without files, sockets, clocks or dice."""
