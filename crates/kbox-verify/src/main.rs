//! kbox-verify
fn main() {}
