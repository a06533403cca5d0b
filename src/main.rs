//! The `minitwit` program: parses the command line, runs one command, and exits with its code.

fn main() {}
