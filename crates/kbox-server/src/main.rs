//! kbox-server
fn main() {}
