//! The `toolfront` binary.

fn main() {}
