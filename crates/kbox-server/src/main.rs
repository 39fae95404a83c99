//! kbox-server
#[cfg(test)]
mod mailbox;
fn main() {}
